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

// Takes one line for the log; any thread. An empty one drops it.
using LogLine = std::function<void(std::string)>;

class Router {
 public:
  // `method` is upper case. GET also answers HEAD. One handler for each method and path; a second
  // one replaces the first.
  void add(std::string method, std::string path, Handler handler);

  // 404 for an unknown path, 405 with Allow for a known path and another method, OPTIONS answered
  // with Allow. A handler that throws gives 500 and its text goes to `log`, not to the client. The
  // answer to HEAD still has its body; the server leaves it out.
  Response route(const Request& request, const LogLine& log = {}) const;

 private:
  std::map<std::string, std::map<std::string, Handler>> handlers_;  // path -> method -> handler
};

}  // namespace kvmtsc::http
