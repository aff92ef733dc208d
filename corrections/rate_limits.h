// RateLimits: how many corrections of one VM, and on the host, may begin within an hour of the
// monotonic clock. Not thread-safe: its owner guards it.
#pragma once

#include <deque>

#include "base/clock.h"
#include "base/result.h"
#include "tsc/vm.h"

namespace kvmtsc {

class RateLimits {
 public:
  static constexpr Nanoseconds kWindow = std::chrono::hours(1);

  RateLimits(unsigned per_vm, unsigned per_host) : per_vm_(per_vm), per_host_(per_host) {}

  // One began then. In the order of time.
  void count(const VmKey& vm, MonotonicTime began);

  // Whether one more may begin now. kLimited with `retry_after`: when both limits leave room for
  // one, if none begins until then.
  Status check(const VmKey& vm, MonotonicTime now);

 private:
  struct Begun {
    VmKey vm;
    MonotonicTime at;
  };

  unsigned per_vm_;
  unsigned per_host_;
  std::deque<Begun> begun_;  // within the last hour, the oldest first
};

}  // namespace kvmtsc
