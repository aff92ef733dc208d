#include "attach/ptrace/restart.h"

#include <errno.h>
#include <sys/syscall.h>

#include <cstring>

namespace kvmtsc::injection {
namespace {

bool inside_system_call(const user_regs_struct& regs) {
  return static_cast<std::int64_t>(regs.orig_rax) >= 0;
}

bool waits_without_timeout(const user_regs_struct& regs) {
  switch (regs.orig_rax) {
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
      return static_cast<std::int32_t>(regs.r10) < 0;
    case SYS_epoll_pwait2:
    case SYS_semtimedop:
      return regs.r10 == 0;
    case SYS_rt_sigtimedwait:
      return regs.rdx == 0;
    case SYS_semop:
      return true;
    default:
      return false;
  }
}

}  // namespace

user_regs_struct without_our_eintr(user_regs_struct stopped) {
  if (inside_system_call(stopped) && static_cast<std::int64_t>(stopped.rax) == -EINTR &&
      waits_without_timeout(stopped)) {
    stopped.rax = static_cast<std::uint64_t>(-kErestartNoHand);
  }
  return stopped;
}

bool continues_by_restart_block(const user_regs_struct& stopped) {
  return stopped.orig_rax == SYS_restart_syscall &&
         static_cast<std::int64_t>(stopped.rax) == -kErestartRestartBlock;
}

bool is_about_to_continue(const user_regs_struct& stopped, std::span<const std::byte> code_ahead) {
  return stopped.rax == SYS_restart_syscall && code_ahead.size() >= kSyscallBytes &&
         code_ahead[0] == std::byte{0x0f} && code_ahead[1] == std::byte{0x05};
}

bool has_restart_block(std::uint64_t call) {
  switch (call) {
    case SYS_poll:
    case SYS_nanosleep:
    case SYS_clock_nanosleep:
    case SYS_futex:
      return true;
    default:
      return false;
  }
}

std::optional<std::uint64_t> call_begun(std::span<const std::byte> code) {
  // mov $number, %eax is b8 and four bytes; mov $number, %rax ends in c0 and the same four.
  constexpr std::byte kMovEax{0xb8};
  constexpr std::byte kMovRax{0xc0};
  constexpr std::size_t kMov = 5;
  for (std::size_t at = code.size(); at >= kSyscallBytes + kMov; --at) {
    const std::byte* const mov = code.data() + at - kSyscallBytes - kMov;
    std::uint32_t number = 0;
    std::memcpy(&number, mov + 1, sizeof number);
    if (*mov != kMovEax && *mov != kMovRax) {
      continue;
    }
    if (has_restart_block(number)) {
      return number;
    }
  }
  return std::nullopt;
}

user_regs_struct for_sigreturn(user_regs_struct stopped, std::uint64_t call) {
  if (!inside_system_call(stopped)) {
    return stopped;
  }
  switch (-static_cast<std::int64_t>(stopped.rax)) {
    case kErestartSys:
    case kErestartNoIntr:
    case kErestartNoHand:
    case kErestartRestartBlock:
      stopped.rax = call;
      stopped.rip -= kSyscallBytes;
      break;
    default:
      break;
  }
  return stopped;
}

}  // namespace kvmtsc::injection
