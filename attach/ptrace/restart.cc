#include "attach/ptrace/restart.h"

#include <errno.h>
#include <sys/syscall.h>

#include <cstdint>

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

user_regs_struct for_sigreturn(user_regs_struct stopped) {
  if (!inside_system_call(stopped)) {
    return stopped;
  }
  switch (-static_cast<std::int64_t>(stopped.rax)) {
    case kErestartSys:
    case kErestartNoIntr:
    case kErestartNoHand:
    case kErestartRestartBlock:
      stopped.rax = stopped.orig_rax;
      stopped.rip -= 2;  // both `syscall` and `int $0x80` are two bytes long
      break;
    default:
      break;
  }
  return stopped;
}

}  // namespace kvmtsc::injection
