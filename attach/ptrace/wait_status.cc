#include "attach/ptrace/wait_status.h"

#include <sys/ptrace.h>

namespace kvmtsc::injection {

std::optional<WaitStatus> WaitStatus::decode(int code, int status) {
  switch (code) {
    case CLD_EXITED:
    case CLD_KILLED:
    case CLD_DUMPED:
      return WaitStatus{StopKind::kEnded, 0};
    case CLD_TRAPPED:
    case CLD_STOPPED:
      break;
    default:
      return std::nullopt;
  }
  const int signal = status & 0x7f;
  const int event = (status >> 8) & 0xffff;
  if (event == PTRACE_EVENT_STOP) {
    return WaitStatus{signal == SIGTRAP ? StopKind::kInterrupt : StopKind::kGroupStop, signal};
  }
  if (event != 0) {
    return WaitStatus{StopKind::kEvent, signal};
  }
  if (status == (SIGTRAP | 0x80)) {
    return WaitStatus{StopKind::kSyscall, 0};
  }
  if (signal == 0 || status != signal) {
    return std::nullopt;
  }
  return WaitStatus{StopKind::kSignal, signal};
}

}  // namespace kvmtsc::injection
