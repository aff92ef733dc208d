// A bare HTTP client for tests: it sends exactly the bytes it is told to, so that it can also be
// silent, slow or malformed. Every wait is bounded.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.h"

namespace kvmtsc::fakes {

using namespace std::chrono_literals;
using Headers = std::vector<std::pair<std::string, std::string>>;

struct HttpReply {
  int status = 0;
  Headers headers;
  std::string body;

  // The first header of that name, compared without case; absent when there is none.
  std::optional<std::string> header(std::string_view name) const;
};

class HttpConnection {
 public:
  // "127.0.0.1:PORT", "[::1]:PORT" or "unix:PATH". connected() tells whether that worked. A
  // `receive_buffer` of some bytes makes a reader that the server soon has to wait for.
  explicit HttpConnection(const std::string& address, int receive_buffer = 0);

  bool connected() const { return fd_.valid(); }

  // False when the peer takes no more, or not within 5 s.
  bool send(std::string_view bytes);
  // Says that nothing more will be sent.
  void finish_sending();

  // The next response; absent when the peer closes, or stays silent, before it is complete.
  // `head_only`: the answer to HEAD, which has no body whatever its Content-Length says.
  std::optional<HttpReply> receive(bool head_only = false, std::chrono::milliseconds timeout = 5s);

  // Whether the peer closes within that time; what it sends until then is dropped.
  bool closed_within(std::chrono::milliseconds timeout);

 private:
  // False on end or when the deadline passes.
  bool fill(std::chrono::steady_clock::time_point deadline);

  UniqueFd fd_;
  std::string received_;
};

// One request on a connection of its own, "Connection: close". Absent when any of it fails.
std::optional<HttpReply> http_request(const std::string& address, std::string_view method,
                                      std::string_view path, const Headers& headers = {},
                                      std::string_view body = {});
std::optional<HttpReply> http_get(const std::string& address, std::string_view path,
                                  const Headers& headers = {});

}  // namespace kvmtsc::fakes
