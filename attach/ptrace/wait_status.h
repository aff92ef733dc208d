// WaitStatus: why a tracee stopped, decoded from what waitid(2) tells its tracer. Pure.
#pragma once

#include <signal.h>

#include <optional>

namespace kvmtsc::injection {

enum class StopKind {
  kSyscall,    // syscall-entry-stop or syscall-exit-stop (PTRACE_O_TRACESYSGOOD)
  kInterrupt,  // PTRACE_EVENT_STOP that PTRACE_INTERRUPT or a change of the group stop caused
  kGroupStop,  // PTRACE_EVENT_STOP because the process is stopped; `signal` says by which signal
  kSignal,     // signal-delivery-stop: `signal` is about to be delivered
  kEvent,      // another PTRACE_EVENT
  kEnded,      // the thread exited or was killed
};

struct WaitStatus {
  StopKind kind = StopKind::kEnded;
  int signal = 0;

  // From si_code and si_status of waitid(2); absent when they mean none of the above.
  static std::optional<WaitStatus> decode(int code, int status);
};

}  // namespace kvmtsc::injection
