// Server: listens on several addresses and hands each request to a Router. Wraps CivetWeb; only
// server.cc knows it. CivetWeb listens, parses and runs the workers; it never serves a file, never
// answers a preflight and never picks a handler by itself.
//
// A worker belongs to one connection at a time. A client that is silent or slow is cut off after
// request_timeout, and there are more workers than a careless scraper opens connections, so that a
// probe is answered beside them (docs/adr/0003).
//
// Errors are RFC 9457 problems. Texts of 1 KiB and more are compressed for those who accept gzip.
// Refused before the router: a head above 16 KiB (400) or of 64 fields and more
// (431), a body above max_body_bytes (413), a
// chunked body (411), a body announced with Expect (417), an unclear Content-Length and a target
// that is not a path (400). A target that is "*" or on another server gets no answer: CivetWeb ends
// the connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "exporter/http/router.h"
#include "exporter/http/tls.h"

namespace kvmtsc::http {

struct ServerOptions {
  // Each "HOST:PORT" (an IPv4 address), "[ADDRESS]:PORT" (IPv6) or "unix:PATH". Port 0 lets the
  // kernel choose; Server::addresses() then tells. A stale socket file is replaced, one that
  // somebody still listens on is an error. Socket files have mode 0660.
  std::vector<std::string> listen;
  unsigned threads = 256;
  std::size_t max_body_bytes = std::size_t{64} * 1024;
  // A request that is not complete by then is cut off.
  std::chrono::milliseconds request_timeout{1500};
  // How long a connection is kept for the next request.
  std::chrono::milliseconds idle_timeout{1000};
  // Where given, addresses that are not unix sockets speak TLS, and answer plain HTTP with a 400
  // that says so; outlives the server.
  const TlsContext* tls = nullptr;
  // Sets who sent a request, before it is routed; an answer takes the router's place. Any thread.
  std::function<std::optional<Response>(Request&)> admit;
  // On every answer of the router and of `admit`.
  std::vector<Header> headers;
  // Gets what goes wrong in a handler or a connection, a line at a time; any thread.
  LogLine log;
};

class Server {
 public:
  // Starts listening on every address, or on none. Errors name the address and its remedy (port in
  // use, no permission, no such interface). `router` is copied. The threads have all signals
  // blocked, so that the process's own thread gets them.
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, Router router);

  // Stops accepting, waits for running handlers, closes all connections and removes socket files.
  // Returns within 1 s however many silent clients are connected (longer only when a handler itself
  // takes longer); a response that is being sent then may be cut short.
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
