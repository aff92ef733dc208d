#include "exporter/http/server.h"

#include <civetweb.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

#include <array>
#include <optional>
#include <utility>

#include "exporter/http/civetweb_shim.h"
#include "exporter/http/connection_gate.h"
#include "exporter/http/encoding.h"
#include "exporter/http/request_text.h"
#include "exporter/http/response_text.h"

namespace kvmtsc::http {
namespace {

constexpr std::size_t kMaxHeadBytes = std::size_t{16} * 1024;

// What is left to do for a connection when its worker lets go of it.
struct Reply {
  std::string unsent;
  ConnectionGate::After after = ConnectionGate::After::kFinish;
};

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

std::string peer_name(const mg_request_info& info, int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0 &&
      address.ss_family == AF_UNIX) {
    return "unix";
  }
  const std::string port = ":" + std::to_string(info.remote_port);
  return address.ss_family == AF_INET6 ? "[" + std::string(info.remote_addr) + "]" + port
                                       : info.remote_addr + port;
}

// Everything but the body. An error is the answer to a request that cannot be one.
struct Intake {
  Request request;
  std::optional<Response> refusal;
  bool keep_alive = false;
  std::size_t body_bytes = 0;
};

Intake take_in(const mg_request_info& info, int fd, std::size_t max_body_bytes) {
  Intake intake;
  Request& request = intake.request;
  request.method = info.request_method;
  request.query = info.query_string == nullptr ? "" : info.query_string;
  request.peer = peer_name(info, fd);
  bool keep = std::string_view(info.http_version) == "1.1";
  std::optional<std::uint64_t> length;
  bool has_length = false;
  bool has_encoding = false;
  for (int i = 0; i < info.num_headers; ++i) {
    const mg_header& header = info.http_headers[i];
    request.headers.emplace_back(header.name, header.value);
    if (equal_ignoring_case(header.name, "Connection")) {
      keep = (keep || has_token(header.value, "keep-alive")) && !has_token(header.value, "close");
    } else if (equal_ignoring_case(header.name, "Transfer-Encoding")) {
      has_encoding = true;
    } else if (equal_ignoring_case(header.name, "Content-Length")) {
      // Two lengths are two opinions on where the next request begins (RFC 9112, 6.3).
      length = has_length ? std::nullopt : parse_content_length(header.value);
      has_length = true;
    }
  }
  auto path = info.local_uri_raw == nullptr ? std::nullopt : decode_path(info.local_uri_raw);
  if (has_encoding) {
    intake.refusal = problem(411, "Send the body with Content-Length, without Transfer-Encoding.");
  } else if (has_length && !length) {
    intake.refusal = problem(400, "Content-Length is not one number.");
  } else if (length.value_or(0) > max_body_bytes) {
    intake.refusal =
        problem(413, "A body has at most " + std::to_string(max_body_bytes) + " bytes here.");
  } else {
    intake.body_bytes = static_cast<std::size_t>(length.value_or(0));
    intake.keep_alive = keep;
    if (path) {
      request.path = std::move(*path);
    } else {
      intake.refusal = problem(400, "The request target is not a path in valid percent-encoding.");
    }
  }
  return intake;
}

bool read_body(mg_connection* connection, std::size_t size, std::string& body) {
  body.resize(size);
  std::size_t read = 0;
  while (read < size) {
    const int got = mg_read(connection, body.data() + read, size - read);
    if (got <= 0) {
      return false;
    }
    read += static_cast<std::size_t>(got);
  }
  return true;
}

// Sends what the socket takes at once, and leaves the rest with the connection for the gate.
// CivetWeb would wait for a slow reader here.
void reply(mg_connection* connection, const std::string& text, ConnectionGate::After after) {
  auto left = std::make_unique<Reply>();
  const ssize_t sent =
      ::send(kvmtsc_civetweb_fd(connection), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && errno != EAGAIN) {
    left->after = ConnectionGate::After::kFinish;  // the client has gone
  } else {
    left->unsent = text.substr(sent < 0 ? 0 : static_cast<std::size_t>(sent));
    left->after = after;
  }
  delete static_cast<Reply*>(mg_get_user_connection_data(connection));
  mg_set_user_connection_data(connection, left.release());
}

void refuse(mg_connection* connection, int status, std::string_view detail) {
  reply(connection, response_text(problem(status, detail), false, false),
        ConnectionGate::After::kFinish);
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
  const std::vector<std::string>& addresses() const { return addresses_; }

 private:
  Status start_civetweb();
  Status start_gate(std::vector<Listener> listeners);
  int answer(mg_connection* connection);
  void log(const std::string& text) const {
    if (options_.log) {
      options_.log(text);
    }
  }

  static Impl& of(const mg_connection* connection) {
    return *static_cast<Impl*>(mg_get_user_data(mg_get_context(connection)));
  }
  static int begin_request(mg_connection* connection);
  static int http_error(mg_connection* connection, int status, const char* message);
  static int log_message(const mg_connection* connection, const char* message);
  static void connection_close(const mg_connection* connection);

  const ServerOptions options_;
  const Router router_;
  std::vector<std::string> addresses_;
  mg_context* context_ = nullptr;
  // Ends after the workers, which give their connections back to it.
  std::unique_ptr<ConnectionGate> gate_;
};

Server::Impl::~Impl() {
  if (gate_) {
    gate_->stop();
  }
  if (context_ != nullptr) {
    mg_stop(context_);
    mg_exit_library();
  }
}

Status Server::Impl::start() {
  if (options_.listen.empty()) {
    return Error{ErrorKind::kInvalid, "no address to listen on", "give at least one"};
  }
  std::vector<Listener> listeners;
  for (const std::string& text : options_.listen) {
    const auto address = parse_listen_address(text);
    if (!address) {
      return address.error();
    }
    auto listener = Listener::open(*address);
    if (!listener) {
      return listener.error();
    }
    addresses_.push_back(listener->address().text());
    listeners.push_back(std::move(*listener));
  }
  const SignalsBlocked blocked;
  const Status civetweb = start_civetweb();
  return civetweb ? start_gate(std::move(listeners)) : civetweb;
}

Status Server::Impl::start_civetweb() {
  mg_callbacks callbacks{};
  callbacks.begin_request = &Impl::begin_request;
  callbacks.http_error = &Impl::http_error;
  callbacks.log_message = &Impl::log_message;
  callbacks.connection_close = &Impl::connection_close;
  callbacks.init_context = &kvmtsc_civetweb_drop_listeners;
  const std::string threads = std::to_string(options_.threads);
  const std::string head_bytes = std::to_string(kMaxHeadBytes);
  const std::string timeout = std::to_string(options_.request_timeout.count());
  // The port is never bound (civetweb_shim.c); keep-alive is the gate's matter; the rest turns off
  // what CivetWeb would do unasked. Paths are decoded by us, strictly.
  // clang-format off
  const std::array<const char*, 25> settings{
      "listening_ports", "0",
      "num_threads", threads.c_str(),
      "connection_queue", threads.c_str(),
      "max_request_size", head_bytes.c_str(),
      "request_timeout_ms", timeout.c_str(),
      "enable_keep_alive", "no",
      "decode_url", "no",
      "enable_directory_listing", "no",
      "enable_auth_domain_check", "no",
      "access_control_allow_origin", "",
      "access_control_allow_methods", "",
      "access_control_allow_headers", "",
      nullptr,
  };
  // clang-format on
  mg_init_library(MG_FEATURES_DEFAULT);
  std::array<char, 256> text{};
  mg_error_data error{};
  error.text = text.data();
  error.text_buffer_size = text.size();
  mg_init_data init{};
  init.callbacks = &callbacks;
  init.user_data = this;
  init.configuration_options = const_cast<const char**>(settings.data());
  context_ = mg_start2(&init, &error);
  if (context_ == nullptr) {
    mg_exit_library();
    return Error{ErrorKind::kIo, "the HTTP library does not start: " + std::string(text.data()),
                 "check the limits on memory and threads"};
  }
  return ok_status();
}

Status Server::Impl::start_gate(std::vector<Listener> listeners) {
  GateLimits limits;
  limits.workers = options_.threads;
  limits.max_connections = options_.max_connections;
  limits.max_head_bytes = kMaxHeadBytes;
  limits.max_body_bytes = options_.max_body_bytes;
  limits.request_timeout = options_.request_timeout;
  limits.idle_timeout = options_.idle_timeout;
  auto gate = ConnectionGate::create(
      limits, std::move(listeners), [this](int fd) { kvmtsc_civetweb_submit(context_, fd); },
      options_.log);
  if (!gate) {
    return gate.error();
  }
  gate_ = std::move(*gate);
  return gate_->start();
}

int Server::Impl::answer(mg_connection* connection) {
  const mg_request_info& info = *mg_get_request_info(connection);
  const int fd = kvmtsc_civetweb_fd(connection);
  Intake intake = take_in(info, fd, options_.max_body_bytes);
  Request& request = intake.request;
  if (!read_body(connection, intake.body_bytes, request.body)) {
    intake.refusal = problem(400, "The body ended before Content-Length bytes.");
    intake.keep_alive = false;
  }
  // Bytes of a next request are with CivetWeb now and cannot go back to the socket.
  const bool keep = intake.keep_alive && kvmtsc_civetweb_has_surplus(connection) == 0;
  Response response =
      intake.refusal ? std::move(*intake.refusal) : router_.route(request, options_.log);
  compress_for(request, response);
  reply(connection, response_text(response, request.method == "HEAD", keep),
        keep ? ConnectionGate::After::kKeep : ConnectionGate::After::kFinish);
  return response.status;
}

int Server::Impl::begin_request(mg_connection* connection) {
  Impl& self = of(connection);
  try {
    return self.answer(connection);
  } catch (const std::exception& exception) {
    self.log(std::string("answering a request failed: ") + exception.what());
  }
  return 500;  // connection_close() answers for a request that has no reply
}

// CivetWeb's own text says little and may repeat what the client sent.
int Server::Impl::http_error(mg_connection* connection, int status, const char* /*message*/) {
  // It knows no 431, and gets no body so large as to say 413; its 411 is a bad Content-Length.
  switch (status) {
    case 413:
      refuse(connection, 431, "A request head has at most 16384 bytes here.");
      break;
    case 411:
      refuse(connection, 400, "Content-Length is not one number.");
      break;
    case 505:
      refuse(connection, 505, "This service speaks HTTP/1.0 and HTTP/1.1.");
      break;
    default:
      refuse(connection, status, "");
      break;
  }
  return 0;
}

int Server::Impl::log_message(const mg_connection* connection, const char* message) {
  of(connection).log(message);
  return 1;  // and CivetWeb need not log it anywhere
}

// Each connection given to a worker comes by here once, however it went.
void Server::Impl::connection_close(const mg_connection* constant) {
  auto* connection = const_cast<mg_connection*>(constant);
  std::unique_ptr<Reply> left(static_cast<Reply*>(mg_get_user_connection_data(connection)));
  mg_set_user_connection_data(connection, nullptr);
  const int fd = kvmtsc_civetweb_release(connection);
  Impl& self = of(connection);
  if (left == nullptr) {
    self.gate_->give_back(fd, response_text(problem(400, ""), false, false),
                          ConnectionGate::After::kFinish);
    return;
  }
  self.gate_->give_back(fd, std::move(left->unsent), left->after);
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
