// RateLimit: how many requests are answered in a while, whoever sends them: a token bucket. It
// holds `burst` tokens at most, full at first, and gets one back every `interval`; a request takes
// one.
//
// The two probes are answered however often they are asked for: a supervisor that got a 429 would
// take the service for dead. Any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>

#include "base/clock.h"
#include "exporter/http/message.h"

namespace kvmtsc::http {

struct Rate {
  Nanoseconds interval{0};  // 0 for no limit; more than 100 years count as those
  std::uint64_t burst = 1;  // 0 counts as 1; what refills in more than 100 years counts as that

  bool operator==(const Rate&) const = default;
};

class RateLimit {
 public:
  explicit RateLimit(const Clock& clock) : clock_(&clock) {}

  // From the next request on; a rate that is the same changes nothing, another begins full.
  void set(Rate rate);

  // Takes a token. Absent when there was one, else how long until there is.
  std::optional<Nanoseconds> take();

  // 429 with Retry-After when the request is not to be answered now.
  std::optional<Response> admit(const Request& request);

  std::uint64_t refused() const;  // how many requests were

 private:
  const Clock* clock_;
  mutable std::mutex mutex_;
  Rate rate_;           // guarded by mutex_, as is the rest
  MonotonicTime full_;  // when all tokens taken are back
  std::uint64_t refused_ = 0;
};

}  // namespace kvmtsc::http
