// Answers of the API: JSON, and Errors as RFC 9457 problems with what to do about them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "exporter/http/message.h"
#include "tsc/snapshot.h"

namespace kvmtsc {

using Json = nlohmann::ordered_json;

http::Response json_response(int status, const Json& json);
// `json` is one JSON value already.
http::Response json_text_response(int status, std::string json);

// The status by the error's kind; `more` is an object of further members.
http::Response problem_response(const Error& error, const Json& more = Json::object());
http::Response problem_response(int status, const Error& error, const Json& more = Json::object());

// Before the first snapshot: 503.
http::Response not_ready();

// 401 for nobody; absent for a viewer or an operator.
std::optional<http::Response> nobody_asks(const http::Request& request);

// 401 for nobody and 403 for a viewer; absent for an operator.
std::optional<http::Response> not_an_operator(const http::Request& request);

// What is wrong with a path's {vm} that does not fit exactly one VM.
http::Response vm_problem(const Snapshot& snapshot, const std::string& name,
                          const std::vector<const VmState*>& found);

// The sources that could not list their VMs, and why.
Json source_problems(const Snapshot& snapshot);

// 503: `what` is not known, for a source could not list its VMs.
http::Response vms_unknown(const std::string& what, const Snapshot& snapshot);

}  // namespace kvmtsc
