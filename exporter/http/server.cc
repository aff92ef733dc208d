#include "exporter/http/server.h"

#include <civetweb.h>
#include <signal.h>

#include <array>
#include <atomic>
#include <optional>
#include <span>
#include <utility>

#include "exporter/http/encoding.h"
#include "exporter/http/exchange.h"
#include "exporter/http/listen_socket.h"

namespace kvmtsc::http {
namespace {

// Blocks every signal but those of a fault while threads are started, who inherit that.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    for (const int fault : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP}) {
      ::sigdelset(&all, fault);
    }
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

bool is_unix(const ListenAddress& address) {
  return address.family == ListenAddress::Family::kUnix;
}

Result<std::vector<ListenAddress>> parse_all(const std::vector<std::string>& texts) {
  if (texts.empty()) {
    return Error{ErrorKind::kInvalid, "no address to listen on", "give at least one"};
  }
  std::vector<ListenAddress> addresses;
  for (const std::string& text : texts) {
    auto address = parse_listen_address(text);
    if (!address) {
      return address.error();
    }
    addresses.push_back(*std::move(address));
  }
  return addresses;
}

// The value of CivetWeb's listening_ports: sockets come last, for it looks for a host name's colon
// beyond the end of an element. An 's' asks for TLS.
std::string listening_ports(std::span<const ListenAddress> addresses, bool tls) {
  std::string ports;
  std::string sockets;
  for (const ListenAddress& address : addresses) {
    (is_unix(address) ? sockets : ports) +=
        is_unix(address) ? ",x" + address.host : "," + address.text() + (tls ? "s" : "");
  }
  return (ports + sockets).substr(1);
}

}  // namespace

class Server::Impl {
 public:
  Impl(const ServerOptions& options, Router router)
      : options_(options), router_(std::move(router)) {}
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Status start();
  const std::vector<std::string>& addresses() const { return texts_; }

 private:
  Status start_civetweb(std::span<const ListenAddress> addresses);
  void learn_ports(std::vector<ListenAddress>& addresses);
  Response answer(mg_connection* connection, const mg_request_info& info);
  Response refuse(mg_connection* connection, int status, std::string_view detail) const;
  void log(const std::string& text) const {
    if (options_.log) {
      options_.log(text);
    }
  }

  static Impl& of(const mg_connection* connection) {
    return *static_cast<Impl*>(mg_get_user_data(mg_get_context(connection)));
  }
  static int begin_request(mg_connection* connection);
  static int tls_context(void** context, void* user_data);
  static int http_error(mg_connection* connection, int status, const char* message);
  static int log_message(const mg_connection* connection, const char* message);

  const ServerOptions options_;
  const Router router_;
  std::vector<std::string> texts_;
  std::vector<SocketFile> files_;
  mg_context* context_ = nullptr;
  std::atomic<bool> started_ = false;
};

Server::Impl::~Impl() {
  if (context_ != nullptr) {
    mg_stop(context_);
    mg_exit_library();
  }
}

Status Server::Impl::start() {
  auto addresses = parse_all(options_.listen);
  if (!addresses) {
    return addresses.error();
  }
  for (const ListenAddress& address : *addresses) {
    if (auto ready = remove_stale_socket(address); !ready) {
      return ready;
    }
  }
  if (auto started = start_civetweb(*addresses); !started) {
    return started;
  }
  learn_ports(*addresses);
  for (const ListenAddress& address : *addresses) {
    texts_.push_back(address.text());
    if (is_unix(address)) {
      auto file = SocketFile::adopt(address);
      if (!file) {
        return file.error();
      }
      files_.push_back(*std::move(file));
    }
  }
  started_ = true;
  return ok_status();
}

Status Server::Impl::start_civetweb(std::span<const ListenAddress> addresses) {
  mg_callbacks callbacks{};
  callbacks.begin_request = &Impl::begin_request;
  callbacks.http_error = &Impl::http_error;
  callbacks.log_message = &Impl::log_message;
  callbacks.external_ssl_ctx = &Impl::tls_context;
  const std::string ports = listening_ports(addresses, options_.tls != nullptr);
  const std::string threads = std::to_string(options_.threads);
  const std::string request_timeout = std::to_string(options_.request_timeout.count());
  const std::string idle_timeout = std::to_string(options_.idle_timeout.count());
  // Paths are decoded by us, strictly; the empty CORS values turn off answers nobody asked for.
  // clang-format off
  const std::array<const char*, 27> settings{
      "listening_ports", ports.c_str(),
      "num_threads", threads.c_str(),
      "connection_queue", "256",
      "request_timeout_ms", request_timeout.c_str(),
      "enable_keep_alive", "yes",
      "keep_alive_timeout_ms", idle_timeout.c_str(),
      "tcp_nodelay", "1",
      "decode_url", "no",
      "enable_directory_listing", "no",
      "enable_auth_domain_check", "no",
      "access_control_allow_origin", "",
      "access_control_allow_methods", "",
      "access_control_allow_headers", "",
      nullptr,
  };
  // clang-format on
  std::array<char, 256> text{};
  mg_error_data error{};
  error.text = text.data();
  error.text_buffer_size = text.size();
  mg_init_data init{};
  init.callbacks = &callbacks;
  init.user_data = this;
  init.configuration_options = const_cast<const char**>(settings.data());
  const SignalsBlocked blocked;
  mg_init_library(MG_FEATURES_DEFAULT);
  context_ = mg_start2(&init, &error);
  if (context_ != nullptr) {
    return ok_status();
  }
  mg_exit_library();
  for (const ListenAddress& address : addresses) {
    if (auto possible = try_to_listen(address); !possible) {
      return possible;
    }
  }
  return Error{ErrorKind::kIo, "the HTTP server does not start: " + std::string(text.data()),
               "check the limits on memory and threads"};
}

void Server::Impl::learn_ports(std::vector<ListenAddress>& addresses) {
  // CivetWeb lists its ports in the order it was given them, without the sockets.
  std::vector<mg_server_port> ports(addresses.size());
  const int count = mg_get_server_ports(context_, static_cast<int>(ports.size()), ports.data());
  int next = 0;
  for (ListenAddress& address : addresses) {
    if (!is_unix(address) && next < count) {
      address.port = static_cast<std::uint16_t>(ports[static_cast<std::size_t>(next++)].port);
    }
  }
}

Response Server::Impl::refuse(mg_connection* connection, int status,
                              std::string_view detail) const {
  // What follows on this connection is not known to be a request.
  mg_disable_connection_keep_alive(connection);
  return problem(status, detail);
}

Response Server::Impl::answer(mg_connection* connection, const mg_request_info& info) {
  auto request = take_in(info);
  if (!request) {
    return refuse(connection, 400, "The request target is not a path in valid percent-encoding.");
  }
  // CivetWeb keeps the first 64 fields and drops the rest silently.
  if (info.num_headers >= MG_MAX_HEADERS) {
    return refuse(connection, 431, "A request has at most 63 header fields here.");
  }
  if (!request->header("Transfer-Encoding").empty()) {
    return refuse(connection, 411, "Send the body with Content-Length, without Transfer-Encoding.");
  }
  const auto size = body_size(*request);
  if (!size) {
    return refuse(connection, 400, "Content-Length is not one number.");
  }
  if (*size > options_.max_body_bytes) {
    return refuse(connection, 413,
                  "A body has at most " + std::to_string(options_.max_body_bytes) + " bytes here.");
  }
  if (!request->header("Expect").empty()) {
    // CivetWeb cannot send an interim response; curl and others then send the body as it is.
    return refuse(connection, 417, "Send the body without Expect.");
  }
  if (!read_body(connection, static_cast<std::size_t>(*size), request->body)) {
    return refuse(connection, 400, "The body ended before Content-Length bytes.");
  }
  note_peer(connection, *request);
  auto refusal = options_.admit ? options_.admit(*request) : std::nullopt;
  Response response = refusal ? *std::move(refusal) : router_.route(*request, options_.log);
  response.headers.insert(response.headers.end(), options_.headers.begin(), options_.headers.end());
  compress_for(*request, response);
  return response;
}

// CivetWeb asks even where no address wants TLS: it takes an 's' or 'r' after a digit anywhere in
// the addresses, a socket's path included, for such a one. It is content with any answer then.
int Server::Impl::tls_context(void** context, void* user_data) {
  const TlsContext* const tls = static_cast<Impl*>(user_data)->options_.tls;
  *context = tls == nullptr ? nullptr : tls->handle();
  return 1;
}

int Server::Impl::begin_request(mg_connection* connection) {
  Impl& self = of(connection);
  const mg_request_info& info = *mg_get_request_info(connection);
  try {
    const Response response = self.answer(connection, info);
    send(connection, response, std::string_view(info.request_method) == "HEAD");
    return response.status;
  } catch (const std::exception& exception) {
    self.log(std::string("answering a request failed: ") + exception.what());
  }
  mg_disable_connection_keep_alive(connection);
  return 500;
}

// For what CivetWeb refuses before begin_request. Its own text says little and may repeat what the
// client sent.
int Server::Impl::http_error(mg_connection* connection, int status, const char* /*message*/) {
  Impl& self = of(connection);
  const Response response = self.refuse(connection, status, "");
  mg_printf(
      connection,
      "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n",
      status, reason_phrase(status), response.content_type.c_str(), response.body.size());
  mg_write(connection, response.body.data(), response.body.size());
  return 0;
}

int Server::Impl::log_message(const mg_connection* connection, const char* message) {
  // Why it does not start is start()'s to say, once. Failed handshakes are whatever knocks at the
  // port, as often as it likes.
  const bool handshake = std::string_view(message).starts_with("sslize error");
  if (Impl& self = of(connection); self.started_ && !handshake) {
    self.log(message);
  }
  return 1;  // and CivetWeb need not log it anywhere
}

Result<std::unique_ptr<Server>> Server::start(const ServerOptions& options, Router router) {
  auto impl = std::make_unique<Impl>(options, std::move(router));
  const Status started = impl->start();
  if (!started) {
    return started.error();
  }
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

const std::vector<std::string>& Server::addresses() const {
  return impl_->addresses();
}

}  // namespace kvmtsc::http
