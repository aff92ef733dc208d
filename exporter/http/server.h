// Server: listens on several addresses and hands each request to a Router. Wraps CivetWeb; no other
// file knows it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "exporter/http/router.h"

namespace kvmtsc::http {

struct ServerOptions {
  // Each "HOST:PORT" (an IPv4 address), "[ADDRESS]:PORT" (IPv6) or "unix:PATH". Port 0 lets the
  // kernel choose; Server::addresses() then tells. A stale socket file is replaced, one that
  // somebody still listens on is an error.
  std::vector<std::string> listen;
  unsigned threads = 16;
  std::size_t max_body_bytes = std::size_t{64} * 1024;
};

class Server {
 public:
  // Starts listening on every address, or on none. Errors name the address and its remedy (port in
  // use, no permission, no such interface). `router` is copied.
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Router router);

  // Stops accepting, lets running handlers finish, closes idle connections and removes socket
  // files; returns within 1 s however many silent clients are connected.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // What is listened on, in the order given, with real port numbers, in the same three forms.
  const std::vector<std::string>& addresses() const;

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kvmtsc::http
