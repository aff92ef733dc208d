#include "exporter/http/router.h"

#include <exception>
#include <set>
#include <utility>

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
  std::string list;
  for (const auto& name : names) {
    list += (list.empty() ? "" : ", ") + name;
  }
  return list;
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

}  // namespace

void Router::add(std::string method, std::string path, Handler handler) {
  handlers_[std::move(path)][std::move(method)] = std::move(handler);
}

Response Router::route(const Request& request, const LogLine& log) const {
  const auto methods = handlers_.find(request.path);
  if (methods == handlers_.end()) {
    return problem(404, "There is nothing at this path.");
  }
  auto handler = methods->second.find(request.method);
  if (handler == methods->second.end() && request.method == "HEAD") {
    handler = methods->second.find("GET");
  }
  if (handler != methods->second.end()) {
    return call(handler->second, request, log);
  }
  const std::string allow = allowed_methods(methods->second);
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
