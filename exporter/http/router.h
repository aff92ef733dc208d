// Router: which handler answers a request. Paths match exactly, never by prefix.
//
// Built before the server starts and not changed afterwards; handlers run on the server's threads,
// several at a time.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "exporter/http/message.h"

namespace kvmtsc::http {

using Handler = std::function<Response(const Request&)>;

class Router {
 public:
  // `method` is upper case. GET also answers HEAD. One handler for each method and path.
  void add(std::string method, std::string path, Handler handler);

  // 404 for an unknown path, 405 with Allow for a known path and another method, OPTIONS answered
  // with Allow. A handler that throws gives 500 and its text goes to the log, not to the client.
  Response route(const Request& request) const;

 private:
  std::map<std::string, std::map<std::string, Handler>> handlers_;  // path -> method -> handler
};

}  // namespace kvmtsc::http
