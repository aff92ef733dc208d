// Request and Response: HTTP as plain values, so that handlers know no server library.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvmtsc::http {

using Header = std::pair<std::string, std::string>;

struct Request {
  std::string method;  // upper case, e.g. "GET"
  std::string path;    // percent-decoded, begins with '/', no query
  std::string query;   // as sent, without '?'
  std::vector<Header> headers;
  std::string body;  // at most ServerOptions::max_body_bytes
  std::string peer;  // "127.0.0.1:51234", "[::1]:51234" or "unix"

  // The first header of that name, compared without case; empty view if there is none.
  std::string_view header(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<Header> headers;  // besides Content-Type, Content-Length and what the server adds
};

}  // namespace kvmtsc::http
