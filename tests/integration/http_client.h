// A minimal HTTP client for 127.0.0.1: one request a connection, HTTP/1.0, with a deadline.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace kvmtsc::integration {

struct HttpRequest {
  std::string method = "GET";
  std::string target = "/";  // path and query, percent-encoded
  std::map<std::string, std::string> headers;
  std::string body;
};

struct HttpReply {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

// kTimeout after five seconds without an answer.
Result<HttpReply> http_request(std::uint16_t port, const HttpRequest& request);

std::string percent_encode(const std::string& text);

// A TCP port of 127.0.0.1 that nobody listened on a moment ago.
Result<std::uint16_t> free_port();

}  // namespace kvmtsc::integration
