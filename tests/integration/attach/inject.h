// One whole attach, inject, release cycle on one thread, with calls whose result is known.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "attach/ptrace/saved_state.h"
#include "attach/ptrace/session.h"
#include "base/result.h"

namespace kvmtsc::testing {

struct Injected {
  std::int64_t process = 0;       // getpid() of the tracee
  std::int64_t monotonic_ns = 0;  // its clock_gettime(CLOCK_MONOTONIC), through its memory
};

// Looks at the process and at the thread's filters, stops `thread`, runs `calls` times getpid and
// clock_gettime in it, and lets it go: as a VMM is attached to. `once_reserved`, if given, is
// called when all has been looked at and nothing is stopped yet.
Result<Injected> inject(pid_t process, injection::Tid thread,
                        const injection::PtraceOptions& options = {}, int calls = 1,
                        Nanoseconds patience = std::chrono::milliseconds(500),
                        const std::function<void()>& once_reserved = {});

// What one call returns in `thread`, which is held for it; `patience` is for the call alone.
Result<std::int64_t> call_in(pid_t process, injection::Tid thread,
                             const injection::SystemCall& call,
                             Nanoseconds patience = std::chrono::seconds(1));

// Runs `use` on a thread that is held.
template <typename Use>
auto with_held(const injection::ProcessLayout& layout, injection::Tid thread,
               const injection::AttachPolicy& policy, MonotonicTime deadline, const Use& use)
    -> decltype(use(std::declval<injection::SavedState&>())) {
  using injection::Attachment;
  return injection::TracerThread::run([&](const injection::TracerThread& self)
                                          -> decltype(use(std::declval<injection::SavedState&>())) {
    auto buffers = injection::StateBuffers::make();
    auto attachment = Attachment::seize(self, HostRoot{}, thread, policy, layout.gadgets);
    if (!attachment) {
      return attachment.error();
    }
    if (auto interrupted = attachment->interrupt(); !interrupted) {
      return interrupted.error();
    }
    auto stop = injection::Stop::await(*std::move(attachment), deadline);
    if (!stop) {
      return stop.error();
    }
    auto state = injection::SavedState::save(*std::move(stop), layout, std::move(buffers));
    if (!state) {
      return state.error();
    }
    return use(*state);
  });
}

// The same without looking first. `holding`, if given, is 1 while the thread is not its own.
Result<Injected> inject_unseen(const injection::ProcessLayout& layout, injection::Tid thread,
                               const injection::AttachPolicy& policy, int calls,
                               Nanoseconds patience, std::atomic<int>* holding = nullptr);

}  // namespace kvmtsc::testing
