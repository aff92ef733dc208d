#include "exporter/http/exchange.h"

#include <civetweb.h>
#include <sys/socket.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/parse.h"
#include "exporter/http/client.h"
#include "exporter/http/loopback_peer.h"
#include "exporter/http/request_path.h"

extern "C" int kvm_tsc_connection_socket(const mg_connection* connection);  // civetweb_socket.c

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
// TCP_CORK): CivetWeb writes each line of a head by itself, which would be a segment each.
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
  mg_response_header_start(connection, response.status);
  mg_response_header_add(connection, "Content-Type", response.content_type.c_str(), -1);
  mg_response_header_add(connection, "Content-Length", std::to_string(response.length()).c_str(),
                         -1);
  for (const auto& [name, value] : response.headers) {
    // A line feed in a value would be a header of the client's choosing.
    if (std::ranges::none_of(value, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
      mg_response_header_add(connection, name.c_str(), value.c_str(), -1);
    }
  }
  mg_response_header_send(connection);
  if (without_body) {
    return;
  }
  // A client that has not taken the first part gets no second.
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
