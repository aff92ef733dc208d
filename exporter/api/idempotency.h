// Idempotency: a request that is sent again with the same Idempotency-Key gets the first answer
// again and is not carried out again. In memory; what was accepted is recalled from the journal
// after a restart, which would otherwise shift a VM twice. Any thread; requests with keys are
// carried out one after another.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "corrections/correction.h"
#include "exporter/http/message.h"

namespace kvmtsc {

class Idempotency {
 public:
  explicit Idempotency(const Clock& clock) : clock_(&clock) {}

  // Without a key calls `handler` with no mark; with one, unless the requester's key has an answer
  // already. 422 when the key came with another request before, 400 for a key of more than 255
  // bytes or that is no UTF-8. Answers of 429 and 500 and above are not kept: the request may be
  // tried again.
  using Handler = std::function<http::Response(const std::optional<RequestMark>&)>;
  http::Response answer(const http::Request& request, const Handler& handler);

  // A request that an earlier run of the service accepted, and what to answer should it come again.
  void recall(const std::string& who, const RequestMark& mark, const http::Response& response);

 private:
  struct Kept {
    std::string digest;  // of method, path and body
    http::Response response;
    MonotonicTime at;
  };

  void keep(const std::string& name, const std::string& digest, const http::Response& response);
  void forget_old();

  const Clock* clock_;
  std::mutex mutex_;
  std::map<std::string, Kept> kept_;  // by requester and key
  std::deque<std::string> order_;     // the oldest first
};

}  // namespace kvmtsc
