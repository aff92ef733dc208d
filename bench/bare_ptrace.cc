#include "bench/bare_ptrace.h"

#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <cstdint>

namespace kvmtsc::bench {
namespace {

// Waits for the next stop that we asked for; hands back signals that come before it. After the end
// of the thread, or any other failure, what follows does nothing.
void await_stop(pid_t tid, __ptrace_request resume) {
  for (;;) {
    int status = 0;
    const pid_t waited = ::waitpid(tid, &status, __WALL);
    if (waited < 0 && errno == EINTR) {  // a tick
      continue;
    }
    if (waited < 0 || !WIFSTOPPED(status) || WSTOPSIG(status) == (SIGTRAP | 0x80) ||
        status >> 16 == PTRACE_EVENT_STOP) {
      return;
    }
    ::ptrace(resume, tid, 0, WSTOPSIG(status));
  }
}

}  // namespace

Nanoseconds bare_ptrace(const injection::TracerThread& /*self*/, injection::Tid thread,
                        const injection::Gadgets& gadgets, const injection::SystemCall& call,
                        int times) {
  const Clock& clock = system_clock();
  const pid_t tid = thread.value;
  ::ptrace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACESYSGOOD);
  const MonotonicTime begun = clock.monotonic();
  ::ptrace(PTRACE_INTERRUPT, tid, 0, 0);
  await_stop(tid, PTRACE_CONT);
  user_regs_struct saved{};
  ::ptrace(PTRACE_GETREGS, tid, 0, &saved);
  for (int i = 0; i < times; ++i) {
    user_regs_struct regs = saved;
    regs.rip = gadgets.syscall_return.value;
    regs.rax = static_cast<std::uint64_t>(call.number);
    regs.rdi = call.arguments[0];
    regs.rsi = call.arguments[1];
    regs.rdx = call.arguments[2];
    regs.orig_rax = ~0ULL;
    ::ptrace(PTRACE_SETREGS, tid, 0, &regs);
    ::ptrace(PTRACE_SYSCALL, tid, 0, 0);
    await_stop(tid, PTRACE_SYSCALL);
    ::ptrace(PTRACE_SYSCALL, tid, 0, 0);
    await_stop(tid, PTRACE_SYSCALL);
    ::ptrace(PTRACE_GETREGS, tid, 0, &regs);
  }
  ::ptrace(PTRACE_SETREGS, tid, 0, &saved);
  ::ptrace(PTRACE_DETACH, tid, 0, 0);
  return clock.monotonic() - begun;
}

}  // namespace kvmtsc::bench
