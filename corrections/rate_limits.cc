#include "corrections/rate_limits.h"

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

namespace kvmtsc {
namespace {

// `times` ascend and are all within the window.
bool is_full(const std::vector<MonotonicTime>& times, unsigned limit) {
  return times.size() >= limit;
}

// Until fewer than `limit` of them are within the window; 0 when that is so now.
Nanoseconds until_room(const std::vector<MonotonicTime>& times, unsigned limit, MonotonicTime now) {
  if (!is_full(times, limit) || limit == 0) {
    return Nanoseconds{0};
  }
  return times[times.size() - limit] + RateLimits::kWindow - now;
}

}  // namespace

void RateLimits::count(const VmKey& vm, MonotonicTime began) {
  begun_.push_back({vm, began});
}

Status RateLimits::check(const VmKey& vm, MonotonicTime now) {
  while (!begun_.empty() && now - begun_.front().at >= kWindow) {
    begun_.pop_front();
  }
  std::vector<MonotonicTime> of_vm;
  std::vector<MonotonicTime> of_host;
  for (const Begun& begun : begun_) {
    of_host.push_back(begun.at);
    if (begun.vm == vm) {
      of_vm.push_back(begun.at);
    }
  }
  const bool vm_is_full = is_full(of_vm, per_vm_);
  if (!vm_is_full && !is_full(of_host, per_host_)) {
    return ok_status();
  }
  Error error{ErrorKind::kLimited,
              vm_is_full ? std::to_string(per_vm_) + " corrections of this VM in an hour"
                         : std::to_string(per_host_) + " corrections on this host in an hour",
              vm_is_full
                  ? "find out what moves its offsets; the limit is correction.per_vm_per_hour"
                  : "find out what moves the offsets; the limit is correction.per_host_per_hour"};
  if (per_vm_ > 0 && per_host_ > 0) {
    error.retry_after =
        std::max(until_room(of_vm, per_vm_, now), until_room(of_host, per_host_, now));
  }
  return error;
}

}  // namespace kvmtsc
