#include "exporter/api/idempotency.h"

#include <algorithm>

#include "base/utf8.h"
#include "exporter/api/problems.h"
#include "exporter/http/authenticator.h"

namespace kvmtsc {
namespace {

constexpr Nanoseconds kLifetime = std::chrono::hours(24);
constexpr std::size_t kMost = 1000;
constexpr std::size_t kLongestKey = 255;

// Whether the same answer would be wrong later on: trouble that passes, and what says when to ask
// again.
bool is_passing(const http::Response& response) {
  return response.status >= 500 || std::ranges::any_of(response.headers, [](const auto& header) {
           return header.first == "Retry-After";
         });
}

std::string name_of(const std::string& who, const RequestMark& mark) {
  return who + "\n" + mark.key;
}

}  // namespace

http::Response Idempotency::answer(const http::Request& request, const Handler& handler) {
  const std::string key(request.header("Idempotency-Key"));
  if (key.empty()) {
    return handler({});
  }
  // It goes into the audit, where text has to come back as it was.
  if (key.size() > kLongestKey || to_valid_utf8(key, kLongestKey) != key) {
    return problem_response(
        Error{ErrorKind::kInvalid, "Idempotency-Key has at most 255 bytes, of UTF-8", {}});
  }
  const RequestMark mark{
      key, http::sha256_hex(request.method + " " + request.path + "\n" + request.body)};
  const std::string name = name_of(request.principal.name, mark);
  const std::lock_guard lock(mutex_);
  forget_old();
  if (const auto known = kept_.find(name); known != kept_.end()) {
    if (known->second.digest != mark.digest) {
      return problem_response(
          422, Error{ErrorKind::kInvalid, "this Idempotency-Key came with another request before",
                     "use a new key for a new request"});
    }
    return known->second.response;
  }
  http::Response response = handler(mark);
  if (!is_passing(response)) {
    keep(name, mark.digest, response);
  }
  return response;
}

void Idempotency::recall(const std::string& who, const RequestMark& mark,
                         const http::Response& response) {
  const std::lock_guard lock(mutex_);
  forget_old();
  keep(name_of(who, mark), mark.digest, response);
}

void Idempotency::keep(const std::string& name, const std::string& digest,
                       const http::Response& response) {
  if (kept_.insert_or_assign(name, Kept{digest, response, clock_->monotonic()}).second) {
    order_.push_back(name);
  }
}

void Idempotency::forget_old() {
  while (!order_.empty() &&
         (order_.size() >= kMost || clock_->monotonic() - kept_[order_.front()].at > kLifetime)) {
    kept_.erase(order_.front());
    order_.pop_front();
  }
}

}  // namespace kvmtsc
