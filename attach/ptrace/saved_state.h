// SavedState: a stopped thread whose state is kept, and in which system calls can be run.
// Destroying it puts everything back and lets the thread go. Moved, never copied; belongs to its
// tracer thread.
//
// The order of steps is chosen so that we can be killed between any two of them (SIGKILL, a crash,
// a deadline that makes us leave) and the thread goes on correctly, by itself. "Released" below
// means that; the kernel then resumes the thread with whatever registers it has.
//
//   1. The thread is stopped on its way to user space. Its registers, floating-point state, signal
//      mask and the bytes below its red zone are read.      Released: nothing has changed.
//   2. A signal frame (signal_frame.h) is written below the red zone, with the arguments of the
//   call
//      beside it.            Released: a signal handler might have left the same bytes there.
//   3. One PTRACE_SETREGS points rip at `syscall; ret`, rsp at the frame, orig_rax at -1 (or the
//      kernel would back up rip by two to restart a call that is not ours).
//                            Released: the call is made, `ret` leads to rt_sigreturn, which
//                            restores every register, the floating-point state and the signal mask.
//   4. PTRACE_SETSIGMASK blocks all signals, so that none is taken out of the kernel's hands while
//   we
//      are here. It comes after 3 because from there on rt_sigreturn would restore the mask. It
//      also ends the temporary mask of a ppoll or sigsuspend, which sets it again when it restarts.
//   5. PTRACE_SYSCALL to the entry and to the exit of the call; steps 3 and 5 repeat for more
//   calls.
//                            Released: as in 3.
//   6. PTRACE_SETSIGMASK with the thread's own mask.
//                            Released: a handler may run (below the frame), then as in 3.
//   7. One PTRACE_SETREGS with the registers of step 1, orig_rax and a pending restart included.
//                            Released: done; the frame is no longer needed.
//   8. The bytes below the red zone are written back and the thread is detached. A detach sets the
//      flag that sends the thread through the kernel's signal path once more, where a call that was
//      interrupted by step 1 restarts as if nothing had happened, restart_block included, as no
//      rt_sigreturn has run.
//
// What a release in 3 to 6 does not preserve: the call is made although nobody reads its result; a
// relative timeout of a call with a restart_block (nanosleep, poll, futex) begins anew; and a
// signal that arrives in the same microseconds no longer interrupts the call that was waiting,
// which restarts as with SA_RESTART. docs/adr/0005-ptrace-injection.md discusses it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "attach/ptrace/attachment.h"
#include "attach/ptrace/gadgets.h"
#include "attach/ptrace/memory_map.h"
#include "attach/ptrace/signal_frame.h"

namespace kvmtsc::injection {

// What must be known of a process before one of its threads is stopped.
struct ProcessLayout {
  MemoryMap map;
  Gadgets gadgets;
  // `known`, if given, saves searching the same process again.
  static Result<ProcessLayout> read(const HostRoot& root, pid_t process,
                                    KnownGadgets* known = nullptr);
};

// Memory a SavedState works in, to be made before the thread is stopped.
struct StateBuffers {
  std::array<std::byte, 2 * kMaxXsaveBytes> xsave;
  std::array<std::byte, kMaxFrameBytes> frame;
  std::array<std::byte, kMaxFrameBytes> original;

  // With all its pages there, but not all its bytes in the caches.
  static std::unique_ptr<StateBuffers> make();
};

struct SystemCall {
  long number = 0;
  std::array<std::uint64_t, 6> arguments{};
};

class SavedState {
 public:
  // Step 1. kRefused when the thread cannot take an injection: in 32-bit code, or on a stack
  // without room. `layout` is of the program that the thread was attached to, and outlives this.
  static Result<SavedState> save(Stop&& stop, const ProcessLayout& layout,
                                 std::unique_ptr<StateBuffers> buffers);

  SavedState(SavedState&& other) noexcept = default;
  SavedState& operator=(SavedState&&) = delete;
  SavedState(const SavedState&) = delete;
  SavedState& operator=(const SavedState&) = delete;
  ~SavedState();

  Tid thread() const { return stop_.thread(); }
  // As the thread will be given them back.
  const user_regs_struct& registers() const { return saved_; }

  // kArgumentBytes of the tracee's memory for what the arguments of calls point to.
  RemoteAddress argument_area() const { return layout_.arguments; }
  Status write_argument(std::size_t offset, std::span<const std::byte> bytes);
  Status read_argument(std::size_t offset, std::span<std::byte> into) const;

  // Runs one call and returns what the kernel did: a negative errno is a value here. kTimeout
  // leaves the thread on its own, which is safe but means that no further call can be made.
  Result<std::int64_t> call(const SystemCall& call, MonotonicTime deadline);

  // call() in four steps, each to follow the one before, so that several threads can be at the same
  // step and the call itself (between enter() and finish()) can be timed.
  Status begin(const SystemCall& call);
  Status reach_entry(MonotonicTime deadline);
  Status enter();
  Result<std::int64_t> finish(MonotonicTime deadline);

 private:
  enum class Phase { kStopped, kSaved, kArmed, kAtEntry };

  SavedState(Stop&& stop, RemoteAddress code, std::unique_ptr<StateBuffers> buffers)
      : buffers_(std::move(buffers)), stop_(std::move(stop)), code_(code) {}

  Status arm();
  int set_blocked_signals(std::uint64_t mask) const;

  // Null in a moved-from state. Before the stop, so that memory is freed once the thread is let go.
  std::unique_ptr<StateBuffers> buffers_;
  Stop stop_;
  RemoteAddress code_;  // `syscall; ret`
  user_regs_struct saved_{};
  std::uint64_t blocked_signals_ = 0;
  FrameLayout layout_;
  Phase phase_ = Phase::kStopped;
};

}  // namespace kvmtsc::injection
