#include "tests/fakes/http_client.h"

#include <errno.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace kvmtsc::fakes {
namespace {

using Clock = std::chrono::steady_clock;

union Address {
  sockaddr any;
  sockaddr_in ipv4;
  sockaddr_in6 ipv6;
  sockaddr_un local;
};

std::optional<socklen_t> parse(const std::string& text, Address& out) {
  std::memset(&out, 0, sizeof(out));
  if (text.starts_with("unix:")) {
    out.local.sun_family = AF_UNIX;
    text.substr(5).copy(out.local.sun_path, sizeof(out.local.sun_path) - 1);
    return sizeof(out.local);
  }
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) {
    return std::nullopt;
  }
  const auto port =
      htons(static_cast<std::uint16_t>(std::strtoul(text.c_str() + colon + 1, nullptr, 10)));
  if (text.front() == '[') {
    out.ipv6.sin6_family = AF_INET6;
    out.ipv6.sin6_port = port;
    const bool valid =
        inet_pton(AF_INET6, text.substr(1, colon - 2).c_str(), &out.ipv6.sin6_addr) == 1;
    return valid ? std::optional<socklen_t>(sizeof(out.ipv6)) : std::nullopt;
  }
  out.ipv4.sin_family = AF_INET;
  out.ipv4.sin_port = port;
  const bool valid = inet_pton(AF_INET, text.substr(0, colon).c_str(), &out.ipv4.sin_addr) == 1;
  return valid ? std::optional<socklen_t>(sizeof(out.ipv4)) : std::nullopt;
}

bool wait_for(int fd, short events, Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  pollfd wanted{fd, events, 0};
  return left.count() > 0 && ::poll(&wanted, 1, static_cast<int>(left.count())) > 0;
}

}  // namespace

std::optional<std::string> HttpReply::header(std::string_view name) const {
  const std::string wanted(name);
  for (const auto& [field, value] : headers) {
    if (::strcasecmp(field.c_str(), wanted.c_str()) == 0) {
      return value;
    }
  }
  return std::nullopt;
}

HttpConnection::HttpConnection(const std::string& address, int receive_buffer) {
  Address peer;
  const auto length = parse(address, peer);
  if (!length) {
    return;
  }
  UniqueFd fd(::socket(peer.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (receive_buffer > 0) {
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
  }
  if (fd.valid() && ::connect(fd.get(), &peer.any, *length) == 0) {
    fd_ = std::move(fd);
  }
}

bool HttpConnection::send(std::string_view bytes) {
  const auto deadline = Clock::now() + 5s;
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN || !wait_for(fd_.get(), POLLOUT, deadline)) {
      return false;
    }
  }
  return true;
}

void HttpConnection::finish_sending() {
  ::shutdown(fd_.get(), SHUT_WR);
}

bool HttpConnection::fill(Clock::time_point deadline) {
  std::array<char, 65536> buffer{};
  if (!wait_for(fd_.get(), POLLIN, deadline)) {
    return false;
  }
  const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
  if (got <= 0) {
    return false;
  }
  received_.append(buffer.data(), static_cast<std::size_t>(got));
  return true;
}

std::optional<HttpReply> HttpConnection::receive(bool head_only,
                                                 std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (received_.find("\r\n\r\n") == std::string::npos) {
    if (!fill(deadline)) {
      return std::nullopt;
    }
  }
  const auto head_end = received_.find("\r\n\r\n") + 2;
  HttpReply reply;
  if (received_.size() < 12 || !received_.starts_with("HTTP/1.")) {
    return std::nullopt;
  }
  reply.status = std::atoi(received_.c_str() + 9);
  for (auto line = received_.find("\r\n") + 2; line < head_end;) {
    const auto end = received_.find("\r\n", line);
    const auto colon = received_.find(": ", line);
    if (colon >= end) {
      return std::nullopt;
    }
    reply.headers.emplace_back(received_.substr(line, colon - line),
                               received_.substr(colon + 2, end - colon - 2));
    line = end + 2;
  }
  received_.erase(0, head_end + 2);
  const auto length = reply.header("Content-Length");
  const std::size_t size = head_only || !length ? 0 : std::strtoul(length->c_str(), nullptr, 10);
  while (received_.size() < size) {
    if (!fill(deadline)) {
      return std::nullopt;
    }
  }
  reply.body = received_.substr(0, size);
  received_.erase(0, size);
  return reply;
}

bool HttpConnection::closed_within(std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (fill(deadline)) {
    received_.clear();
  }
  return Clock::now() < deadline;
}

std::optional<HttpReply> http_request(const std::string& address, std::string_view method,
                                      std::string_view path, const Headers& headers,
                                      std::string_view body) {
  HttpConnection connection(address);
  if (!connection.connected()) {
    return std::nullopt;
  }
  std::string request = std::string(method) + " " + std::string(path) +
                        " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n";
  for (const auto& [name, value] : headers) {
    request += name + ": " + value + "\r\n";
  }
  if (!body.empty()) {
    request += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  }
  // A server may refuse before it has read everything; its answer counts all the same.
  connection.send(request + "\r\n" + std::string(body));
  return connection.receive(method == "HEAD");
}

std::optional<HttpReply> http_get(const std::string& address, std::string_view path,
                                  const Headers& headers) {
  return http_request(address, "GET", path, headers);
}

}  // namespace kvmtsc::fakes
