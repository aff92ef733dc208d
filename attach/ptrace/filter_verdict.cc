#include "attach/ptrace/filter_verdict.h"

#include <sys/syscall.h>

#include "attach/ptrace/restart.h"

namespace kvmtsc::injection {
namespace {

SeccompCall numbered(long number) {
  SeccompCall call;
  call.set_number(static_cast<std::uint32_t>(number));
  return call;
}

std::optional<std::string> denial_of(std::span<const SeccompFilter> filters, const char* name,
                                     const SeccompCall& call) {
  const SeccompAnswer answer = answer_of(filters, call);
  if (answer.allows()) {
    return std::nullopt;
  }
  if (!answer.worst) {
    return std::string("any action, by what is not known beforehand, to ") + name;
  }
  return (answer.certain ? "" : "perhaps ") + action_name(*answer.worst) + " to " + name;
}

}  // namespace

std::optional<std::string> denial(std::span<const SeccompFilter> filters,
                                  std::span<const IntendedCall> calls, const Gadgets& gadgets) {
  for (const IntendedCall& intended : calls) {
    SeccompCall call = numbered(intended.number);
    call.set_instruction_pointer((gadgets.syscall_return + kSyscallBytes).value);
    for (std::size_t i = 0; i < intended.arguments.size(); ++i) {
      if (intended.arguments[i]) {
        call.set_argument(i, *intended.arguments[i]);
      }
    }
    if (auto denied = denial_of(filters, intended.name, call)) {
      return denied;
    }
  }
  SeccompCall way_back = numbered(SYS_rt_sigreturn);
  way_back.set_instruction_pointer(gadgets.after_sigreturn.value);
  if (auto denied = denial_of(filters, "rt_sigreturn", way_back)) {
    return denied;
  }
  return denial_of(filters, "restart_syscall", numbered(SYS_restart_syscall));
}

bool allows_restart(std::span<const SeccompFilter> filters) {
  return answer_of(filters, numbered(SYS_restart_syscall)).allows();
}

}  // namespace kvmtsc::injection
