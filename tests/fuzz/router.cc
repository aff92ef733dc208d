// Request targets: which handler one reaches, with which parameters and query, against a reference
// that goes about it another way. Input: "METHOD TARGET" or a target alone.
#include "exporter/http/router.h"

#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

#include "base/parse.h"
#include "exporter/http/request_path.h"
#include "invariant.h"
#include "route_reference.h"

namespace kvmtsc::fuzz {
namespace {

using http::Request;
using http::Response;

// What the last call of a handler saw.
struct Seen {
  int calls = 0;
  std::string route;
  std::string method;
  Request request;
};

Seen seen;

http::Router make_router() {
  http::Router router;
  for (const Route& route : routes()) {
    for (const std::string& method : route.methods) {
      router.add(method, route.path, [&route, method](const Request& request) {
        seen = {seen.calls + 1, route.path, method, request};
        return Response{};
      });
    }
  }
  return router;
}

// Whether Allow names the method; methods are told apart by case (RFC 9110, 9.1).
bool allows(const Response& response, const std::string& method) {
  const auto found = std::ranges::find(response.headers, "Allow", &http::Header::first);
  return found != response.headers.end() &&
         std::ranges::any_of(split(found->second, ','),
                             [&](std::string_view name) { return trim(name) == method; });
}

void check_refusal(const Request& request, const Response& response, const Reached& reached) {
  const bool asks = reached.route != nullptr && request.method == "OPTIONS";
  require(response.status == (reached.route == nullptr ? 404
                              : asks                   ? 204
                                                       : 405),
          "404 for no route, 405 or 204 for another method", request.path);
  if (reached.route != nullptr) {
    for (const std::string& method : reached.route->methods) {
      require(allows(response, method), "Allow names each method", method);
    }
    require(!allows(response, request.method) || asks, "Allow does not name what was refused",
            request.method);
  }
  if (!asks) {
    const auto body = nlohmann::json::parse(response.body, nullptr, false);
    require(response.content_type == "application/problem+json" && body.is_object() &&
                body.value("status", 0) == response.status,
            "a refusal is a problem", response.body);
  }
}

void check_route(const Request& request, const Reached& reached) {
  static const http::Router kRouter = make_router();
  const int before = seen.calls;
  const Response response = kRouter.route(request);
  const auto takes = [&](const std::string& method) {
    return reached.route != nullptr &&
           std::ranges::find(reached.route->methods, method) != reached.route->methods.end();
  };
  const bool head = request.method == "HEAD" && takes("GET");
  if (!takes(request.method) && !head) {
    require(seen.calls == before, "no handler is called", request.path);
    check_refusal(request, response, reached);
    return;
  }
  require(seen.calls == before + 1 && response.status == 200, "one handler is called",
          request.path);
  require(seen.route == reached.route->path, "it is that of the best route", seen.route);
  require(seen.method == (head ? "GET" : request.method), "it is that of the method", seen.method);
  require(seen.request.parameters == reached.parameters, "it is told what the segments say",
          request.path);
}

// Each field of the query, found by its name, is its decoded text.
void check_query(const Request& request) {
  const std::string name = request.query.substr(0, request.query.find_first_of("=&"));
  if (!request.query.substr(name.size()).starts_with('=')) {
    return;
  }
  std::string raw = request.query.substr(name.size() + 1);
  raw = raw.substr(0, raw.find('&'));
  std::ranges::replace(raw, '+', ' ');
  require(request.query_value(name) == decoded(raw), "a field of the query is decoded once",
          request.query);
}

}  // namespace
}  // namespace kvmtsc::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kvmtsc::fuzz;
  const std::string input = text_of(data, size);
  const auto blank = input.find(' ');
  kvmtsc::http::Request request;
  request.method = blank == input.npos ? "GET" : input.substr(0, blank);
  const std::string target = blank == input.npos ? input : input.substr(blank + 1);
  const std::string raw_path = target.substr(0, target.find('?'));
  request.query = raw_path.size() == target.size() ? "" : target.substr(raw_path.size() + 1);
  check_query(request);
  const auto path = kvmtsc::http::decode_path(raw_path);
  const auto reached = reached_by(raw_path);
  require(path.has_value() == reached.has_value(), "a target is a path or is none", raw_path);
  if (path) {
    request.path = *path;
    check_route(request, *reached);
  }
  return 0;
}
