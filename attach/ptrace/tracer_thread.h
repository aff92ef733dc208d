// A thread of our own for each tracing session.
//
// The kernel ties a tracee to the *thread* that traces it, and lets go of a tracee that is not
// stopped only when that thread ends. So each session runs on a thread that ends with it: whatever
// could not be detached (the tracee would not stop before the deadline, is inside a blocked call,
// or died) is let go then, by the same path of the kernel as if we had been killed (exit_ptrace()
// in kernel/ptrace.c).
#pragma once

#include <signal.h>

#include <functional>
#include <optional>
#include <utility>

#include "attach/ptrace/tid.h"
#include "base/host_root.h"
#include "base/result.h"

namespace kvmtsc::injection {

class TracerThread;

namespace internal {
// Runs `body` on a new thread with every signal blocked but the ticker's, and waits for its end.
Status run_detached_from_signals(const std::function<void(const TracerThread&)>& body);
}  // namespace internal

// Proof that the caller runs on a tracer thread; functions that attach demand it.
class TracerThread {
 public:
  TracerThread(const TracerThread&) = delete;
  TracerThread& operator=(const TracerThread&) = delete;

  // Keeps this thread on the CPU that `tracee` ran on last, unless the host is busy. To be called
  // before a single thread is told to stop: taking turns on one CPU, the two need not wake another
  // from its sleep at each step, which takes longer than the step. (On a busy host no CPU sleeps,
  // and the scheduler knows better where there is room.)
  void run_beside(const HostRoot& root, pid_t process, Tid tracee) const;

  // Runs `body(const TracerThread&)`, which returns some Result<T>, on a tracer thread; the caller
  // waits. Everything attached in `body` is let go of when this returns, or a few microseconds
  // later where it could not be detached in order.
  template <typename Body>
  static auto run(Body&& body) -> decltype(body(std::declval<const TracerThread&>())) {
    std::optional<decltype(body(std::declval<const TracerThread&>()))> result;
    const Status ran = internal::run_detached_from_signals(
        [&](const TracerThread& self) { result.emplace(body(self)); });
    if (!ran) {
      return ran.error();
    }
    return std::move(*result);
  }

 private:
  friend Status internal::run_detached_from_signals(
      const std::function<void(const TracerThread&)>& body);
  explicit TracerThread(bool host_busy) : host_busy_(host_busy) {}

  bool host_busy_;
};

}  // namespace kvmtsc::injection
