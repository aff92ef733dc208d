// What every answer of the API has to be, whatever was asked.
#pragma once

#include <nlohmann/json.hpp>

#include "exporter/http/message.h"

namespace kvmtsc::fuzz {

using Json = nlohmann::json;

// The value of the answer's field; empty when there is none.
std::string field_of(const http::Response& response, const std::string& name);

// Requires the form of an answer: status, type, a body of that type, the fields that go with the
// status. Its body as JSON; null for one that has none, is lines of it or the OpenAPI document.
// Only in a world that is `troubled` may a request fail by no fault of its own.
Json check_answer(const http::Request& request, const http::Response& response, bool troubled);

}  // namespace kvmtsc::fuzz
