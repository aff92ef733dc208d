#include "exporter/http/router.h"

#include <algorithm>
#include <exception>
#include <set>
#include <utility>

#include "base/join.h"
#include "base/parse.h"
#include "exporter/http/request_path.h"

namespace kvmtsc::http {
namespace {

std::string allowed_methods(const std::map<std::string, Handler>& methods) {
  std::set<std::string> names{"OPTIONS"};
  for (const auto& [method, handler] : methods) {
    names.insert(method);
  }
  if (names.contains("GET")) {
    names.insert("HEAD");
  }
  return join(names, ", ");
}

Response call(const Handler& handler, const Request& request, const LogLine& log) {
  std::string what;
  try {
    return handler(request);
  } catch (const std::exception& exception) {
    what = exception.what();
  } catch (...) {
    what = "an exception of unknown type";
  }
  if (log) {
    log(request.method + " " + request.path + " failed: " + what);
  }
  return problem(500, "The service's log says why.");
}

bool is_parameter(const std::string& segment) {
  return segment.starts_with('{') && segment.ends_with('}');
}

// "/a/{b}" -> "", "a", "{b}"
std::vector<std::string> segments_of(const std::string& path) {
  std::vector<std::string> segments;
  for (const std::string_view segment : split(path, '/')) {
    segments.emplace_back(segment);
  }
  return segments;
}

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path) {
  return std::ranges::equal(pattern, path, [](const std::string& part, const std::string& segment) {
    return is_parameter(part) ? !segment.empty() : part == segment;
  });
}

// Of two patterns that match the same path.
bool more_literal(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const auto [one, other] = std::ranges::mismatch(
      a, b, [](const auto& x, const auto& y) { return is_parameter(x) == is_parameter(y); });
  return one != a.end() && other != b.end() && !is_parameter(*one);
}

std::vector<Header> parameters_of(const std::vector<std::string>& pattern,
                                  const std::vector<std::string>& path) {
  std::vector<Header> parameters;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (is_parameter(pattern[i])) {
      parameters.emplace_back(pattern[i].substr(1, pattern[i].size() - 2), decode_segment(path[i]));
    }
  }
  return parameters;
}

}  // namespace

void Router::add(std::string method, const std::string& path, Handler handler) {
  Pattern& pattern = patterns_[path];
  pattern.segments = segments_of(path);
  pattern.methods[std::move(method)] = std::move(handler);
}

const Router::Pattern* Router::find(const std::string& path) const {
  const std::vector<std::string> wanted = segments_of(path);
  const Pattern* best = nullptr;
  for (const auto& [text, pattern] : patterns_) {
    if (matches(pattern.segments, wanted) &&
        (best == nullptr || more_literal(pattern.segments, best->segments))) {
      best = &pattern;
    }
  }
  return best;
}

Response Router::route(const Request& request, const LogLine& log) const {
  const Pattern* const pattern = find(request.path);
  if (pattern == nullptr) {
    return problem(404, "There is nothing at this path.");
  }
  const Methods& methods = pattern->methods;
  auto handler = methods.find(request.method);
  if (handler == methods.end() && request.method == "HEAD") {
    handler = methods.find("GET");
  }
  if (handler != methods.end()) {
    Request with_parameters = request;
    with_parameters.parameters = parameters_of(pattern->segments, segments_of(request.path));
    return call(handler->second, with_parameters, log);
  }
  const std::string allow = allowed_methods(methods);
  Response response;
  if (request.method == "OPTIONS") {
    response.status = 204;
  } else {
    response = problem(405, "This path answers " + allow + ".");
  }
  response.headers.emplace_back("Allow", allow);
  return response;
}

}  // namespace kvmtsc::http
