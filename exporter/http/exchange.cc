#include "exporter/http/exchange.h"

#include <civetweb.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <string_view>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/parse.h"
#include "exporter/http/client.h"
#include "exporter/http/loopback_peer.h"
#include "exporter/http/request_path.h"

// civetweb_socket.c
extern "C" int kvm_tsc_connection_socket(const mg_connection* connection);
extern "C" int kvm_tsc_keeps_alive(const mg_connection* connection);

namespace kvmtsc::http {
namespace {

std::optional<std::uint32_t> unix_uid(int socket) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return std::nullopt;
  }
  return credentials.uid;
}

// Has the kernel gather what is written to a TCP connection meanwhile into full segments (tcp(7),
// TCP_CORK): a head alone would be one of its own.
class Corked {
 public:
  explicit Corked(int socket) : socket_(socket) { set(1); }
  ~Corked() { set(0); }
  Corked(const Corked&) = delete;
  Corked& operator=(const Corked&) = delete;

 private:
  // A unix socket refuses it and needs none.
  void set(int on) const { ::setsockopt(socket_, IPPROTO_TCP, TCP_CORK, &on, sizeof on); }
  int socket_;
};

// RFC 9110, 5.6.7.
std::string date_now() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 40> text{};
  const std::size_t size =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return {text.data(), size};
}

void append_field(std::string_view name, std::string_view value, std::string& head) {
  // A line feed in a value would be a header of the client's choosing.
  if (std::ranges::none_of(value, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    head.append(name).append(": ").append(value).append("\r\n");
  }
}

// In one piece: CivetWeb would write each line by itself, with a system call and, over TLS, a
// record for each.
std::string head_of(const mg_connection* connection, const Response& response) {
  const char* const version = mg_get_request_info(connection)->http_version;
  std::string head = std::string("HTTP/") + (version == nullptr ? "1.0" : version) + " " +
                     std::to_string(response.status) + " " + reason_phrase(response.status) +
                     "\r\n";
  append_field("Content-Type", response.content_type, head);
  append_field("Content-Length", std::to_string(response.length()), head);
  for (const auto& [name, value] : response.headers) {
    append_field(name, value, head);
  }
  append_field("Date", date_now(), head);
  append_field("Connection", kvm_tsc_keeps_alive(connection) != 0 ? "keep-alive" : "close", head);
  return head + "\r\n";
}

bool write_all(mg_connection* connection, const std::string& bytes) {
  const int written = mg_write(connection, bytes.data(), bytes.size());
  return written >= 0 && static_cast<std::size_t>(written) == bytes.size();
}

}  // namespace

std::optional<Request> take_in(const mg_request_info& info) {
  auto path = info.local_uri_raw == nullptr ? std::nullopt : decode_path(info.local_uri_raw);
  if (!path) {
    return std::nullopt;
  }
  Request request;
  request.method = info.request_method;
  request.path = *std::move(path);
  request.query = info.query_string == nullptr ? "" : info.query_string;
  const std::string_view address = info.remote_addr;
  const std::string port = ":" + std::to_string(info.remote_port);
  if (info.remote_port == 0) {
    request.peer = "unix";
  } else if (address.find(':') != std::string_view::npos) {
    request.peer = "[" + std::string(address) + "]" + port;
  } else {
    request.peer = std::string(address) + port;
  }
  for (int i = 0; i < info.num_headers; ++i) {
    request.headers.emplace_back(info.http_headers[i].name, info.http_headers[i].value);
  }
  return request;
}

std::optional<std::uint64_t> body_size(const Request& request) {
  const auto is_length = [](const Header& header) {
    return equal_ignoring_case(header.first, "Content-Length");
  };
  switch (std::ranges::count_if(request.headers, is_length)) {
    case 0:
      return 0;
    case 1:
      return parse_u64(request.header("Content-Length"));
    default:
      return std::nullopt;
  }
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

void send(mg_connection* connection, const Response& response, bool without_body) {
  const Corked corked(kvm_tsc_connection_socket(connection));
  // A client that has not taken one part gets no further one.
  if (!write_all(connection, head_of(connection, response)) || without_body) {
    return;
  }
  if (response.shared == nullptr || write_all(connection, *response.shared)) {
    write_all(connection, response.body);
  }
}

void note_peer(const mg_connection* connection, Request& request) {
  const int socket = kvm_tsc_connection_socket(connection);
  if (request.peer == "unix") {
    request.peer_uid = unix_uid(socket);
  } else if (!request.header("Authorization").empty() && is_loopback(request.peer)) {
    request.loopback_uid = loopback_uid(socket);
  }
}

}  // namespace kvmtsc::http
