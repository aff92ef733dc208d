// Idempotency: a request that is sent again with the same Idempotency-Key gets the first answer
// again and is not carried out again. In memory: a restart forgets. Any thread; requests with keys
// are carried out one after another.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "exporter/http/message.h"

namespace kvmtsc {

class Idempotency {
 public:
  explicit Idempotency(const Clock& clock) : clock_(&clock) {}

  // Calls `handler`, unless the requester's key has an answer already. 422 when the key came with
  // another request before, 400 for a key of more than 255 bytes. Answers of 429 and 500 and above
  // are not kept: the request may be tried again.
  http::Response answer(const http::Request& request,
                        const std::function<http::Response()>& handler);

 private:
  struct Kept {
    std::string request;  // method, path and body
    http::Response response;
    MonotonicTime at;
  };

  void forget_old();

  const Clock* clock_;
  std::mutex mutex_;
  std::map<std::string, Kept> kept_;  // by requester and key
  std::deque<std::string> order_;     // the oldest first
};

}  // namespace kvmtsc
