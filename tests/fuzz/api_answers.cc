#include "api_answers.h"

#include <algorithm>

#include "base/parse.h"
#include "exporter/api/openapi.h"
#include "invariant.h"

namespace kvmtsc::fuzz {
namespace {

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

Json parsed(std::string_view text) {
  const Json json = Json::parse(text, nullptr, false);  // of valid UTF-8 only
  require(!json.is_discarded(), "the body is JSON", text);
  return json;
}

void check_problem(const http::Response& response, const Json& body) {
  require(response.content_type == "application/problem+json", "an error is a problem",
          response.content_type);
  require(body.is_object() && body.value("status", 0) == response.status,
          "a problem says its status", response.body);
  require(body.value("type", "") == "about:blank" &&
              body.value("title", "") == http::reason_phrase(response.status) &&
              body.value("title", "") != "Unknown",
          "a problem is titled by its status", response.body);
  require(!body.value("detail", "").empty(), "a problem says what is wrong", response.body);
}

void check_fields(const http::Request& request, const http::Response& response) {
  for (const auto& [name, value] : response.headers) {
    require(std::ranges::none_of(name + value, is_control), "a field is one line", value);
  }
  const auto needs = [&](int status, const char* name) {
    require(response.status != status || !field_of(response, name).empty(),
            "a status has its field", name);
  };
  needs(401, "WWW-Authenticate");
  needs(405, "Allow");
  needs(429, "Retry-After");
  needs(202, "Location");
  require(response.status != 401 || request.principal.role == http::Role::kNobody,
          "who has said who it is is not asked again", response.body);
}

}  // namespace

std::string field_of(const http::Response& response, const std::string& name) {
  const auto found = std::ranges::find(response.headers, name, &http::Header::first);
  return found == response.headers.end() ? "" : found->second;
}

Json check_answer(const http::Request& request, const http::Response& response, bool troubled) {
  const bool good = response.status >= 200 && response.status < 300;
  require(good || (response.status >= 400 && response.status < (troubled ? 600 : 500)),
          "a request is answered or is at fault", response.body);
  check_fields(request, response);
  if (response.status == 204) {
    require(request.method == "OPTIONS" && response.body.empty(), "only OPTIONS has no body");
    return nullptr;
  }
  if (response.content_type == "application/jsonl") {
    require(good && (response.body.empty() || response.body.ends_with('\n')), "lines are whole");
    for (const std::string_view line : split(response.body, '\n')) {
      require(line.empty() || parsed(line).is_object(), "each line is an object", line);
    }
    return nullptr;
  }
  static const std::string kDocument = std::string(kOpenApiDocument) + "\n";
  static const bool kDocumentIsJson = parsed(kDocument).is_object();
  if (kDocumentIsJson && response.body == kDocument) {
    return nullptr;  // parsing it takes longer than all the rest
  }
  Json body = parsed(response.body);
  if (good) {
    require(response.content_type == "application/json", "an answer is JSON",
            response.content_type);
  } else {
    check_problem(response, body);
  }
  return body;
}

}  // namespace kvmtsc::fuzz
