#include "attach/ptrace/saved_state.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <algorithm>
#include <optional>
#include <string>

#include "attach/ptrace/remote_memory.h"
#include "attach/ptrace/restart.h"
#include "attach/ptrace/rseq.h"

namespace kvmtsc::injection {
namespace {

constexpr std::uint64_t kAllSignals = ~std::uint64_t{0};
constexpr std::uint64_t kUserCodeSegment64 = 0x33;
constexpr std::uint64_t kNoSystemCall = ~std::uint64_t{0};

Error failed(int error_number, const char* what, Tid thread) {
  return errno_error(error_number,
                     std::string(what) + " of thread " + std::to_string(thread.value));
}

Error refused(Tid thread, const char* why, const char* remedy) {
  return Error{ErrorKind::kRefused, "thread " + std::to_string(thread.value) + " " + why, remedy};
}

// The part of a thread's floating-point state that is in use.
Result<std::span<const std::byte>> read_xsave(Tid thread, std::span<std::byte> into) {
  Result<std::size_t> used{std::size_t{0}};
  for (const std::size_t asked : {xsave_bytes_without_tiles(), into.size()}) {
    iovec read{into.data(), asked};
    if (::ptrace(PTRACE_GETREGSET, thread.value, NT_X86_XSTATE, &read) != 0) {
      return failed(errno, "PTRACE_GETREGSET", thread);
    }
    used = used_xsave_bytes(into.first(read.iov_len));
    if (used) {
      return std::span<const std::byte>{into.first(*used)};
    }
  }
  return used.error();
}

// The registers with which a thread goes on by rt_sigreturn, which discards its restart_block;
// absent when the call that it would have continued cannot be told.
std::optional<user_regs_struct> going_on_by_itself(Tid thread, const user_regs_struct& saved) {
  const bool inside = continues_by_restart_block(saved);
  if (!inside && saved.rax != SYS_restart_syscall) {
    return for_sigreturn(saved, saved.orig_rax);
  }
  // Up to the end of the `syscall`, which is behind rip only when the thread is inside the call.
  std::array<std::byte, kCodeBeforeCall> code{};
  const RemoteAddress end = RemoteAddress{saved.rip} + (inside ? 0 : kSyscallBytes);
  const bool read = read_memory(thread, end - code.size(), code) == 0;
  if (!inside && !(read && is_about_to_continue(saved, std::span{code}.last(kSyscallBytes)))) {
    return for_sigreturn(saved, saved.orig_rax);  // it holds that number for another reason
  }
  const auto call = has_restart_block(saved.orig_rax) ? std::optional<std::uint64_t>{saved.orig_rax}
                    : read                            ? call_begun(code)
                                                      : std::nullopt;
  if (!call) {
    return std::nullopt;
  }
  if (inside) {
    return for_sigreturn(saved, *call);
  }
  user_regs_struct anew = saved;
  anew.rax = *call;
  return anew;
}

}  // namespace

Result<ProcessLayout> ProcessLayout::read(const HostRoot& root, pid_t process,
                                          KnownGadgets* known) {
  prepare_signal_frames();
  auto map = MemoryMap::read(root, process);
  if (!map) {
    return map.error();
  }
  const auto gadgets = known != nullptr ? known->find(process, *map) : find_gadgets(process, *map);
  if (!gadgets) {
    return gadgets.error();
  }
  return ProcessLayout{*std::move(map), *gadgets};
}

std::unique_ptr<StateBuffers> StateBuffers::make() {
  constexpr std::size_t kPage = 4096;
  auto buffers = std::make_unique_for_overwrite<StateBuffers>();
  const auto bytes = std::as_writable_bytes(std::span{buffers.get(), 1});
  for (std::size_t at = 0; at < bytes.size(); at += kPage) {
    bytes[at] = std::byte{0};
  }
  bytes.back() = std::byte{0};
  return buffers;
}

int SavedState::set_blocked_signals(std::uint64_t mask) const {
  return ::ptrace(PTRACE_SETSIGMASK, thread().value, sizeof mask, &mask) == 0 ? 0 : errno;
}

Result<SavedState> SavedState::save(Stop&& stop, const ProcessLayout& layout,
                                    std::unique_ptr<StateBuffers> buffers) {
  const Tid thread = stop.thread();
  SavedState state{std::move(stop), layout.gadgets.syscall_return, std::move(buffers)};
  user_regs_struct stopped{};
  if (auto read = state.stop_.read_registers(stopped); !read) {
    return read.error();
  }
  state.saved_ = stopped;
  state.phase_ = Phase::kSaved;
  if (stopped.cs != kUserCodeSegment64) {
    return refused(thread, "runs 32-bit code", "use a 64-bit VMM");
  }
  state.saved_ = without_our_eintr(stopped);
  if (stopped.orig_rax == kNoSystemCall) {
    if (const auto abort = pending_abort(thread, RemoteAddress{stopped.rip})) {
      state.saved_.rip = abort->value;
    }
  }
  if (::ptrace(PTRACE_GETSIGMASK, thread.value, sizeof state.blocked_signals_,
               &state.blocked_signals_) != 0) {
    return failed(errno, "PTRACE_GETSIGMASK", thread);
  }
  const auto xsave = read_xsave(thread, state.buffers_->xsave);
  if (!xsave) {
    return xsave.error();
  }
  const auto by_itself = going_on_by_itself(thread, state.saved_);
  if (!by_itself) {
    return refused(thread, "is in a timed wait that was interrupted before, in unknown code",
                   "try again once the wait is over");
  }
  const Context context{*by_itself, state.blocked_signals_, *xsave};
  state.layout_ = lay_out(RemoteAddress{stopped.rsp}, xsave->size());
  if (state.layout_.size() > kMaxFrameBytes ||
      !is_usable_stack(layout.map, state.layout_.bottom, state.layout_.top)) {
    return refused(thread, "has no room for a signal frame on its stack",
                   "try again; a VMM written in Go needs its agent library instead");
  }
  if (const int error =
          read_memory(thread, state.layout_.bottom,
                      std::span{state.buffers_->original}.first(state.layout_.size()));
      error != 0) {
    return failed(error, "reading the stack", thread);
  }
  fill_frame(context, state.layout_, layout.gadgets.sigreturn,
             std::span{state.buffers_->frame}.first(state.layout_.size()));
  return state;
}

SavedState::~SavedState() {
  // A thread that runs, or that stands at the entry of a call (where registers put back would be
  // taken for another call), restores itself from its frame.
  if (buffers_ == nullptr || !stop_.stopped() || phase_ == Phase::kStopped ||
      phase_ == Phase::kAtEntry) {
    return;
  }
  if (phase_ == Phase::kArmed) {
    set_blocked_signals(blocked_signals_);
  }
  (void)stop_.write_registers(saved_);
  if (phase_ == Phase::kArmed) {
    write_memory(thread(), layout_.bottom, std::span{buffers_->original}.first(layout_.size()));
  }
}

Status SavedState::arm() {
  const auto frame = std::span{buffers_->frame}.first(layout_.size());
  if (const int error = write_memory(thread(), layout_.bottom, frame); error != 0) {
    write_memory(thread(), layout_.bottom, std::span{buffers_->original}.first(layout_.size()));
    return failed(error, "writing the stack", thread());
  }
  return ok_status();
}

Status SavedState::write_argument(std::size_t offset, std::span<const std::byte> bytes) {
  if (offset > kArgumentBytes || bytes.size() > kArgumentBytes - offset) {
    return Error{ErrorKind::kInvalid, "arguments of an injected call are too long", {}};
  }
  if (phase_ == Phase::kSaved) {  // they go out with the frame
    std::copy(bytes.begin(), bytes.end(),
              buffers_->frame.data() + (layout_.arguments.value - layout_.bottom.value) + offset);
    return ok_status();
  }
  if (const int error = write_memory(thread(), layout_.arguments + offset, bytes); error != 0) {
    return failed(error, "writing the stack", thread());
  }
  return ok_status();
}

Status SavedState::read_argument(std::size_t offset, std::span<std::byte> into) const {
  if (offset > kArgumentBytes || into.size() > kArgumentBytes - offset) {
    return Error{ErrorKind::kInvalid, "results of an injected call are too long", {}};
  }
  if (const int error = read_memory(thread(), layout_.arguments + offset, into); error != 0) {
    return failed(error, "reading the stack", thread());
  }
  return ok_status();
}

Status SavedState::begin(const SystemCall& call) {
  if (!stop_.stopped() || phase_ == Phase::kAtEntry) {
    return Error{ErrorKind::kTimeout, "an earlier call in this thread has not come back", {}};
  }
  const bool first = phase_ == Phase::kSaved;
  if (first) {
    if (auto armed = arm(); !armed) {
      return armed;
    }
  }
  user_regs_struct regs = saved_;
  regs.rip = code_.value;
  regs.rsp = layout_.bottom.value;
  regs.orig_rax = kNoSystemCall;
  regs.rax = static_cast<std::uint64_t>(call.number);
  regs.rdi = call.arguments[0];
  regs.rsi = call.arguments[1];
  regs.rdx = call.arguments[2];
  regs.r10 = call.arguments[3];
  regs.r8 = call.arguments[4];
  regs.r9 = call.arguments[5];
  phase_ = Phase::kArmed;
  if (auto written = stop_.write_registers(regs); !written) {
    return written;
  }
  if (first) {
    if (const int error = set_blocked_signals(kAllSignals); error != 0) {
      return failed(error, "PTRACE_SETSIGMASK", thread());
    }
  }
  return stop_.resume_to_syscall_stop();
}

Status SavedState::reach_entry(MonotonicTime deadline) {
  auto reached = stop_.await_syscall_stop(deadline);
  if (reached) {
    phase_ = Phase::kAtEntry;
  }
  return reached;
}

Status SavedState::enter() {
  return stop_.resume_to_syscall_stop();
}

Result<std::int64_t> SavedState::finish(MonotonicTime deadline) {
  const auto reached = stop_.await_syscall_stop(deadline);
  if (!reached) {
    return reached.error();
  }
  phase_ = Phase::kArmed;
  const auto exit = stop_.read_syscall_exit();
  if (!exit) {
    return exit.error();
  }
  if (exit->instruction != code_ + kSyscallBytes || exit->stack != layout_.bottom) {
    return Error{ErrorKind::kIo,
                 "thread " + std::to_string(thread().value) + " did not return from our call",
                 {}};
  }
  return exit->result;
}

Result<std::int64_t> SavedState::call(const SystemCall& call, MonotonicTime deadline) {
  if (auto begun = begin(call); !begun) {
    return begun.error();
  }
  if (auto reached = reach_entry(deadline); !reached) {
    return reached.error();
  }
  if (auto entered = enter(); !entered) {
    return entered.error();
  }
  return finish(deadline);
}

}  // namespace kvmtsc::injection
