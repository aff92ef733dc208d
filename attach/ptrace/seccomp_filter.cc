#include "attach/ptrace/seccomp_filter.h"

#include <linux/seccomp.h>

#include <algorithm>

#include "attach/ptrace/bpf_check.h"
#include "attach/ptrace/bpf_pass.h"

namespace kvmtsc::injection {
namespace {

// The kernel compares actions as signed numbers: the smaller restricts more.
std::int32_t rank(std::uint32_t answer) {
  return static_cast<std::int32_t>(answer & SECCOMP_RET_ACTION_FULL);
}

}  // namespace

bool SeccompAnswer::allows() const {
  const std::uint32_t action = worst.value_or(0) & SECCOMP_RET_ACTION_FULL;
  return worst && (action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG);
}

std::string action_name(std::uint32_t answer) {
  switch (answer & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_KILL_PROCESS:
      return "kill_process";
    case SECCOMP_RET_KILL_THREAD:
      return "kill_thread";
    case SECCOMP_RET_TRAP:
      return "trap";
    case SECCOMP_RET_ERRNO:
      return "errno " + std::to_string(answer & SECCOMP_RET_DATA);
    case SECCOMP_RET_USER_NOTIF:
      return "user_notif";
    case SECCOMP_RET_TRACE:
      return "trace";
    case SECCOMP_RET_LOG:
      return "log";
    case SECCOMP_RET_ALLOW:
      return "allow";
    default:
      return "an unknown action, which kills";
  }
}

Result<SeccompFilter> SeccompFilter::check(std::vector<sock_filter> program) {
  if (!is_seccomp_program(program)) {
    return Error{ErrorKind::kInvalid, "not a seccomp filter that the kernel would have let in", {}};
  }
  return SeccompFilter{std::move(program)};
}

bool operator==(const SeccompFilter& a, const SeccompFilter& b) {
  return std::ranges::equal(a.program_, b.program_,
                            [](const sock_filter& one, const sock_filter& other) {
                              return one.code == other.code && one.jt == other.jt &&
                                     one.jf == other.jf && one.k == other.k;
                            });
}

std::optional<std::set<std::uint32_t>> SeccompFilter::answers(const SeccompCall& call) const {
  return possible_answers(program_, call);
}

SeccompAnswer answer_of(std::span<const SeccompFilter> filters, const SeccompCall& call) {
  SeccompAnswer together{SECCOMP_RET_ALLOW, true};
  for (auto filter = filters.rbegin(); filter != filters.rend(); ++filter) {
    const auto answers = filter->answers(call);
    if (!answers) {
      return {std::nullopt, false};
    }
    const std::uint32_t worst =
        *std::ranges::min_element(*answers, {}, [](std::uint32_t answer) { return rank(answer); });
    together.certain = together.certain && answers->size() == 1;
    if (rank(worst) < rank(*together.worst)) {
      together.worst = worst;
    }
  }
  return together;
}

}  // namespace kvmtsc::injection
