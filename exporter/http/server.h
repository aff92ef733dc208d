// Server: listens on several addresses and hands each request to a Router. Wraps CivetWeb; only the
// files named in civetweb_shim.h know it. CivetWeb parses requests and runs the workers; it never
// listens, serves a file or answers by itself. A ConnectionGate owns the connections, so that
// silent and slow clients cost no worker.
//
// What every response has: Content-Length, Date, Connection; errors are RFC 9457 problems; texts of
// 1 KiB and more are compressed for those who accept gzip. Refused before the router: a head above
// 16 KiB (431), a body above max_body_bytes (413), chunked bodies (411), and what is not HTTP/1.x.
#pragma once

#include <chrono>
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
  // somebody still listens on is an error. Socket files have mode 0660.
  std::vector<std::string> listen;
  unsigned threads = 16;
  std::size_t max_body_bytes = std::size_t{64} * 1024;
  // Beyond it, the connection that has waited longest for a request is closed.
  std::size_t max_connections = 512;
  // A request that is not complete by then is cut off.
  std::chrono::milliseconds request_timeout{2000};
  // How long a connection is kept for the next request: longer than usual scrape intervals.
  std::chrono::milliseconds idle_timeout{60000};
  // Gets what goes wrong in a handler or a connection, a line at a time; any thread.
  LogLine log;
};

class Server {
 public:
  // Starts listening on every address, or on none. Errors name the address and its remedy (port in
  // use, no permission, no such interface). `router` is copied. The threads have all signals
  // blocked, so that the process's own thread gets them.
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Router router);

  // Stops accepting, lets running handlers finish, closes idle connections and removes socket
  // files; returns within 1 s however many silent clients are connected (longer only when a handler
  // itself takes longer).
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
