// Order: a request that may change something, once it is known who asks, of which VM, and that the
// asker may act on it.
#pragma once

#include <functional>
#include <optional>

#include "corrections/correction.h"
#include "exporter/api/api.h"
#include "exporter/api/fields.h"
#include "exporter/api/problems.h"

namespace kvmtsc {

struct Order {
  const http::Request* request = nullptr;
  SnapshotPtr snapshot;  // keeps `vm` alive
  const VmState* vm = nullptr;
  Fields fields;  // of its body
  Requester requester;
  std::optional<RequestMark> mark = {};
};

Requester requester_of(const http::Request& request);

// Answers by `handle` a request whose path has {vm}; or says what is wrong with it. A VM out of the
// asker's scope is a refusal that the audit has. Any thread.
http::Response with_order(const ApiSources& sources, const http::Request& request,
                          const std::function<http::Response(Order&)>& handle);

// A refusal that never came to the CorrectionService, so that the audit has it too.
http::Response refused(const ApiSources& sources, const Order& order, const Error& error,
                       const Json& more = Json::object());

}  // namespace kvmtsc
