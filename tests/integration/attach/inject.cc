#include "tests/integration/attach/inject.h"

#include <sys/syscall.h>
#include <time.h>

namespace kvmtsc::testing {

using injection::ProcessLayout;
using injection::SavedState;
using injection::SystemCall;

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
  const MonotonicTime deadline = system_clock().monotonic() + patience;
  const auto calls_in = [&](SavedState& state) -> Result<Injected> {
    Injected injected;
    if (holding != nullptr) {
      *holding = 1;
    }
    for (int i = 0; i < calls; ++i) {
      const auto pid = state.call(SystemCall{SYS_getpid, {}}, deadline);
      if (!pid) {
        return pid.error();
      }
      injected.process = *pid;
      const auto clock = state.call(
          SystemCall{SYS_clock_gettime, {CLOCK_MONOTONIC, state.argument_area().value}}, deadline);
      if (!clock) {
        return clock.error();
      }
      timespec now{};
      if (auto read = state.read_argument(0, std::as_writable_bytes(std::span{&now, 1})); !read) {
        return read.error();
      }
      injected.monotonic_ns = std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
    }
    if (holding != nullptr) {
      *holding = 0;
    }
    return injected;
  };
  return with_held(layout, thread, policy, deadline, calls_in);
}

Result<std::int64_t> call_in(pid_t process, injection::Tid thread, const SystemCall& call,
                             Nanoseconds patience) {
  const auto layout = ProcessLayout::read(HostRoot{}, process);
  if (!layout) {
    return layout.error();
  }
  const MonotonicTime stopped_by = system_clock().monotonic() + std::chrono::seconds(2);
  return with_held(*layout, thread, {}, stopped_by, [&](SavedState& state) {
    return state.call(call, system_clock().monotonic() + patience);
  });
}

}  // namespace kvmtsc::testing
