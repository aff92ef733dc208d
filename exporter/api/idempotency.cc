#include "exporter/api/idempotency.h"

#include "exporter/api/problems.h"

namespace kvmtsc {
namespace {

constexpr Nanoseconds kLifetime = std::chrono::hours(24);
constexpr std::size_t kMost = 1000;
constexpr std::size_t kLongestKey = 255;

}  // namespace

http::Response Idempotency::answer(const http::Request& request,
                                   const std::function<http::Response()>& handler) {
  const std::string key(request.header("Idempotency-Key"));
  if (key.empty()) {
    return handler();
  }
  if (key.size() > kLongestKey) {
    return problem_response(
        Error{ErrorKind::kInvalid, "Idempotency-Key has at most 255 bytes", {}});
  }
  const std::string whole = request.method + " " + request.path + "\n" + request.body;
  const std::string name = request.principal.name + "\n" + key;
  const std::lock_guard lock(mutex_);
  forget_old();
  if (const auto known = kept_.find(name); known != kept_.end()) {
    if (known->second.request != whole) {
      return problem_response(
          422, Error{ErrorKind::kInvalid, "this Idempotency-Key came with another request before",
                     "use a new key for a new request"});
    }
    return known->second.response;
  }
  http::Response response = handler();
  if (response.status < 500 && response.status != 429) {
    kept_[name] = {whole, response, clock_->monotonic()};
    order_.push_back(name);
  }
  return response;
}

void Idempotency::forget_old() {
  while (!order_.empty() &&
         (order_.size() >= kMost || clock_->monotonic() - kept_[order_.front()].at > kLifetime)) {
    kept_.erase(order_.front());
    order_.pop_front();
  }
}

}  // namespace kvmtsc
