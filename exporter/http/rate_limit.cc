#include "exporter/http/rate_limit.h"

#include <algorithm>

namespace kvmtsc::http {
namespace {

// Two of these and an uptime are within 64 bits.
constexpr Nanoseconds kLongest = std::chrono::hours(24) * 36'525;

// How far ahead of now the bucket may have to be full again and still hold a token.
Nanoseconds slack(const Rate& rate) {
  const std::uint64_t more = rate.burst == 0 ? 0 : rate.burst - 1;
  const auto most = static_cast<std::uint64_t>(kLongest / rate.interval);
  return rate.interval * static_cast<std::int64_t>(std::min(more, most));
}

}  // namespace

void RateLimit::set(Rate rate) {
  rate.interval = std::min(rate.interval, kLongest);
  const std::lock_guard lock(mutex_);
  if (rate != rate_) {
    rate_ = rate;
    full_ = {};
  }
}

std::optional<Nanoseconds> RateLimit::take() {
  const std::lock_guard lock(mutex_);
  if (rate_.interval <= Nanoseconds{0}) {
    return std::nullopt;
  }
  const MonotonicTime now = clock_->monotonic();
  const MonotonicTime full = std::max(full_, now);
  const Nanoseconds wait = full - now - slack(rate_);
  if (wait > Nanoseconds{0}) {
    ++refused_;
    return wait;
  }
  full_ = full + rate_.interval;
  return std::nullopt;
}

std::uint64_t RateLimit::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

std::optional<Response> RateLimit::admit(const Request& request) {
  const auto wait = is_probe(request) ? std::nullopt : take();
  if (!wait) {
    return std::nullopt;
  }
  return problem(429, "There are more requests than rate_limit of the web configuration allows.",
                 wait);
}

}  // namespace kvmtsc::http
