#include "tests/integration/attach/inject.h"

#include <sys/syscall.h>
#include <time.h>

#include <memory>

namespace kvmtsc::testing {

using injection::Attachment;
using injection::ProcessLayout;
using injection::SavedState;
using injection::StateBuffers;
using injection::Stop;
using injection::SystemCall;
using injection::TracerThread;

Result<Injected> inject(pid_t process, injection::Tid thread, const injection::AttachPolicy& policy,
                        int calls, Nanoseconds patience) {
  const HostRoot root;
  const auto facts = injection::read_thread_facts(root, process, thread);
  if (!facts) {
    return facts.error();
  }
  if (auto admitted = admit(*facts, process, thread, policy); !admitted) {
    return admitted.error();
  }
  if (auto admitted = injection::admit_executable(root, process); !admitted) {
    return admitted.error();
  }
  const auto layout = ProcessLayout::read(root, process);
  if (!layout) {
    return layout.error();
  }
  return inject_unseen(*layout, thread, policy, calls, patience);
}

Result<Injected> inject_unseen(const ProcessLayout& layout, injection::Tid thread,
                               const injection::AttachPolicy& policy, int calls,
                               Nanoseconds patience, std::atomic<int>* holding) {
  const HostRoot root;
  return TracerThread::run([&](const TracerThread& self) -> Result<Injected> {
    auto buffers = std::make_unique<StateBuffers>();
    auto attachment = Attachment::seize(self, root, thread, policy);
    if (!attachment) {
      return attachment.error();
    }
    const MonotonicTime deadline = system_clock().monotonic() + patience;
    if (auto interrupted = attachment->interrupt(); !interrupted) {
      return interrupted.error();
    }
    auto stop = Stop::await(*std::move(attachment), deadline);
    if (!stop) {
      return stop.error();
    }
    auto state = SavedState::save(*std::move(stop), layout, std::move(buffers));
    if (!state) {
      return state.error();
    }
    Injected injected;
    if (holding != nullptr) {
      *holding = 1;
    }
    for (int i = 0; i < calls; ++i) {
      const auto pid = state->call(SystemCall{SYS_getpid, {}}, deadline);
      if (!pid) {
        return pid.error();
      }
      injected.process = *pid;
      const auto clock = state->call(
          SystemCall{SYS_clock_gettime, {CLOCK_MONOTONIC, state->argument_area().value}}, deadline);
      if (!clock) {
        return clock.error();
      }
      timespec now{};
      if (auto read = state->read_argument(0, std::as_writable_bytes(std::span{&now, 1})); !read) {
        return read.error();
      }
      injected.monotonic_ns = std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
    }
    if (holding != nullptr) {
      *holding = 0;
    }
    return injected;
  });
}

}  // namespace kvmtsc::testing
