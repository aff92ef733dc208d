// Attachment and Stop: a traced thread, and a traced thread that stands still.
//
// Attachment spans PTRACE_SEIZE to PTRACE_DETACH; Stop is an Attachment whose thread has stopped,
// and owns it: destroying the Stop lets the thread go. Both belong to the tracer thread that made
// them and can be moved but not copied.
//
// How a thread is stopped, and what may come between:
//
//   1. PTRACE_SEIZE stops nobody and sends no signal. PTRACE_O_TRACESYSGOOD is set with it, for a
//      reason beyond telling stops apart: if we die at a system-call stop that we have not yet
//      waited for, the kernel sends the thread the stop's code as a signal. SIGTRAP would kill it;
//      SIGTRAP|0x80 is not a signal and is dropped.
//   2. PTRACE_INTERRUPT wakes the thread out of an interruptible call and makes it trap the next
//   time
//      it is about to return to user space. If it is in an uninterruptible sleep that may be never:
//      after the deadline the attachment is left to the end of the tracer thread.
//   3. Before that trap the thread may report a signal it had already taken: it is handed back at
//      once (PTRACE_CONT with the signal; its siginfo stays) and the trap comes next.
//   4. The process may be stopped by SIGSTOP meanwhile: the trap then carries that signal. We
//   decline
//      and detach, upon which the kernel puts the thread back into the group stop.
//   5. The thread may run execve(), upon which nothing is where it was found: PTRACE_O_TRACEEXEC
//   makes it stop there (the code of that stop is no signal either, see 1). We decline. If another
//   thread of the process does, ours ends.
//   6. Waits block, and look at their deadline at every tick (ticker.h). They use WNOWAIT. A wait
//   without it clears the code the stop was reported with; if we were
//      killed between such a wait and handing the signal back, the signal would be lost.
#pragma once

#include <sys/user.h>

#include <cstdint>
#include <utility>

#include "attach/ptrace/gadgets.h"
#include "attach/ptrace/thread_facts.h"
#include "attach/ptrace/tid.h"
#include "attach/ptrace/tracer_thread.h"
#include "attach/ptrace/wait_status.h"
#include "base/clock.h"
#include "base/result.h"

namespace kvmtsc::injection {

class Attachment {
 public:
  // kRefused if someone else traces the thread or its program is not the one that `gadgets` were
  // found in, kPermission with what would allow it, kGone.
  static Result<Attachment> seize(const TracerThread& self, const HostRoot& root, Tid thread,
                                  const AttachPolicy& policy, const Gadgets& gadgets);

  Attachment(Attachment&& other) noexcept
      : thread_(other.thread_),
        attached_(std::exchange(other.attached_, false)),
        stopped_(std::exchange(other.stopped_, false)) {}
  Attachment& operator=(Attachment&&) = delete;
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;
  // Detaches if the thread is stopped; otherwise the end of the tracer thread does.
  ~Attachment();

  Tid thread() const { return thread_; }

  // Asks the thread to stop, without waiting for it.
  Status interrupt();

 private:
  friend class Stop;
  explicit Attachment(Tid thread) : thread_(thread), attached_(true) {}

  Tid thread_;
  bool attached_ = false;
  bool stopped_ = false;
};

class Stop {
 public:
  // Waits for a thread that was asked to stop. kTimeout, kGone, or kRefused when it turns out to be
  // in a group stop. Allocates only on failure.
  static Result<Stop> await(Attachment&& attachment, MonotonicTime deadline);

  Tid thread() const { return attachment_.thread_; }
  // False once the thread runs again, or is gone; nothing can be read or put back then.
  bool stopped() const { return attachment_.stopped_; }

  // What a thread that stands at the exit of a system call brings back, and where it is.
  struct SyscallExit {
    std::int64_t result = 0;
    RemoteAddress instruction;
    RemoteAddress stack;
  };
  // kIo when it stands elsewhere. At half the cost of reading all registers. Linux 5.3.
  Result<SyscallExit> read_syscall_exit() const;

  Status read_registers(user_regs_struct& into) const;
  Status write_registers(const user_regs_struct& from) const;

  // Lets the thread run until its next system-call stop. Group stops and SIGSTOP that come between
  // are passed on, and take effect when the thread is let go. kTimeout leaves the thread running
  // (stopped() is false); any other signal is an error, and the thread stays stopped before its
  // delivery.
  Status run_to_syscall_stop(MonotonicTime deadline);
  // The same in two steps, for threads that are to run side by side.
  Status resume_to_syscall_stop();
  Status await_syscall_stop(MonotonicTime deadline);

 private:
  explicit Stop(Attachment&& attachment) : attachment_(std::move(attachment)) {}

  Attachment attachment_;
};

// The next stop or the end of a traced thread; only on a tracer thread. Allocates only on failure.
Result<WaitStatus> await_status(Tid thread, MonotonicTime deadline);

}  // namespace kvmtsc::injection
