// Router: which handler answers a request. Paths match as a whole, never by prefix; a segment
// written {name} stands for any one segment that is not empty.
//
// Built before the server starts and not changed afterwards; handlers run on the server's threads,
// several at a time.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "exporter/http/message.h"

namespace kvmtsc::http {

using Handler = std::function<Response(const Request&)>;

// Takes one line for the log; any thread. An empty one drops it.
using LogLine = std::function<void(std::string)>;

class Router {
 public:
  // `method` is upper case. GET also answers HEAD. One handler for each method and path; a second
  // one replaces the first. Where several patterns match, the one that is literal in the leftmost
  // segment in which they differ wins.
  void add(std::string method, const std::string& path, Handler handler);

  // The handler's request has Request::parameters, decoded whole. 404 for an unknown path, 405
  // with Allow for a known path and another method, OPTIONS answered with Allow. A handler that
  // throws gives 500 and its text goes to `log`, not to the client. The answer to HEAD still has
  // its body; the server leaves it out.
  Response route(const Request& request, const LogLine& log = {}) const;

 private:
  using Methods = std::map<std::string, Handler>;
  struct Pattern {
    std::vector<std::string> segments;
    Methods methods;
  };

  const Pattern* find(const std::string& path) const;

  std::map<std::string, Pattern> patterns_;  // by their text
};

}  // namespace kvmtsc::http
