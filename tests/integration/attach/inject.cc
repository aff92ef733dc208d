#include "tests/integration/attach/inject.h"

#include <sys/syscall.h>
#include <time.h>

#include <array>

namespace kvmtsc::testing {

using injection::ProcessLayout;
using injection::SavedState;
using injection::SystemCall;

namespace {

Result<Injected> run_calls(SavedState& state, int calls, MonotonicTime deadline) {
  Injected injected;
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
  return injected;
}

}  // namespace

Result<Injected> inject(pid_t process, injection::Tid thread,
                        const injection::PtraceOptions& options, int calls, Nanoseconds patience,
                        const std::function<void()>& once_reserved) {
  const std::array<injection::IntendedCall, 2> intended{
      {{"getpid", SYS_getpid, {}},
       {"clock_gettime", SYS_clock_gettime, {CLOCK_MONOTONIC, std::nullopt, 0, 0, 0, 0}}}};
  const auto start = injection::read_start_time(options.root, process);
  if (!start) {
    return start.error();
  }
  if (auto admitted = injection::admit_executable(options.root, process); !admitted) {
    return admitted.error();
  }
  const auto layout = ProcessLayout::read(options.root, process);
  if (!layout) {
    return layout.error();
  }
  const AttachTarget target{{}, process, *start};
  const MonotonicTime deadline = system_clock().monotonic() + patience;
  return injection::TracerThread::run([&](const injection::TracerThread& self) -> Result<Injected> {
    auto reserved = reserve(self, options, target, thread, layout->gadgets, intended, deadline);
    if (!reserved) {
      return reserved.error();
    }
    if (once_reserved) {
      once_reserved();
    }
    if (auto interrupted = reserved->attachment.interrupt(); !interrupted) {
      return interrupted.error();
    }
    auto state = take_hold(options.root, *std::move(reserved), *layout, deadline);
    if (!state) {
      return state.error();
    }
    return run_calls(*state, calls, deadline);
  });
}

Result<Injected> inject_unseen(const ProcessLayout& layout, injection::Tid thread,
                               const injection::AttachPolicy& policy, int calls,
                               Nanoseconds patience, std::atomic<int>* holding) {
  const MonotonicTime deadline = system_clock().monotonic() + patience;
  return with_held(layout, thread, policy, deadline, [&](SavedState& state) {
    if (holding != nullptr) {
      *holding = 1;
    }
    auto injected = run_calls(state, calls, deadline);
    if (holding != nullptr && injected) {
      *holding = 0;
    }
    return injected;
  });
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
