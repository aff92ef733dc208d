#include "tests/integration/http_client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <string_view>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/parse.h"
#include "base/unique_fd.h"

namespace kvmtsc::integration {
namespace {

constexpr timeval kPatience{5, 0};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

Result<UniqueFd> connect_to(std::uint16_t port) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) {
    return errno_error(errno, "socket");
  }
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));
  const sockaddr_in address = loopback(port);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return errno_error(errno, "connecting to 127.0.0.1:" + std::to_string(port));
  }
  return fd;
}

std::string serialize(const HttpRequest& request) {
  std::string text = request.method + " " + request.target + " HTTP/1.0\r\nHost: 127.0.0.1\r\n";
  for (const auto& [name, value] : request.headers) {
    text.append(name).append(": ").append(value).append("\r\n");
  }
  if (!request.body.empty() || request.method == "POST") {
    text += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  }
  return text + "\r\n" + request.body;
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return lower;
}

Result<HttpReply> parse_reply(const std::string& text) {
  const std::size_t end = text.find("\r\n\r\n");
  constexpr std::size_t kStatusAt = 9;  // after "HTTP/1.x "
  HttpReply reply;
  if (end == std::string::npos || !text.starts_with("HTTP/1.") ||
      std::from_chars(text.data() + kStatusAt, text.data() + end, reply.status).ec != std::errc()) {
    return Error{ErrorKind::kInvalid, "not an HTTP reply: " + text.substr(0, 200), ""};
  }
  const std::string_view head(text.data(), end);
  for (const std::string_view line : split(head, '\n')) {
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos) {
      reply.headers[lower_case(line.substr(0, colon))] = trim(line.substr(colon + 1));
    }
  }
  reply.body = text.substr(end + 4);
  return reply;
}

}  // namespace

Result<HttpReply> http_request(std::uint16_t port, const HttpRequest& request) {
  auto fd = connect_to(port);
  if (!fd) {
    return fd.error();
  }
  const std::string text = serialize(request);
  if (::send(fd->get(), text.data(), text.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(text.size())) {
    return errno_error(errno, "sending " + request.target);
  }
  std::string received;
  std::array<char, 65536> buffer{};
  while (true) {
    const ssize_t count = ::recv(fd->get(), buffer.data(), buffer.size(), 0);
    if (count < 0 && errno == EAGAIN) {
      return Error{ErrorKind::kTimeout, "no answer to " + request.target + " in 5 s", ""};
    }
    if (count < 0) {
      return errno_error(errno, "receiving " + request.target);
    }
    if (count == 0) {
      return parse_reply(received);
    }
    received.append(buffer.data(), static_cast<std::size_t>(count));
  }
}

std::string percent_encode(const std::string& text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kHex[byte >> 4];
      encoded += kHex[byte & 0xf];
    }
  }
  return encoded;
}

Result<std::uint16_t> free_port() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t length = sizeof(address);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return errno_error(errno, "looking for a free port");
  }
  return ntohs(address.sin_port);
}

}  // namespace kvmtsc::integration
