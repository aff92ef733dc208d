#include "base/listen_address.h"

#include <sys/un.h>

#include <algorithm>
#include <optional>

#include <arpa/inet.h>

#include "base/parse.h"

namespace kvmtsc {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";

Error invalid(std::string_view text, const std::string& why) {
  return Error{ErrorKind::kInvalid, "listen address '" + std::string(text) + "': " + why,
               "it takes " + std::string(kListenAddressForm) + "; host names are not looked up"};
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(),
                                                   [](char c) { return c >= '0' && c <= '9'; });
  const auto port = digits ? parse_u32(text) : std::nullopt;
  return port && *port <= 65535 ? std::optional(static_cast<std::uint16_t>(*port)) : std::nullopt;
}

Result<ListenAddress> parse_unix(std::string_view text) {
  const std::string_view path = text.substr(kUnixPrefix.size());
  if (path.empty() || path.front() != '/') {
    return invalid(text, "a socket's path is absolute");
  }
  if (path.find('\0') != std::string_view::npos) {
    return invalid(text, "a path holds no NUL");
  }
  if (path.find_first_of(",:") != std::string_view::npos) {
    return invalid(text, "a socket's path holds no comma and no colon");
  }
  constexpr std::size_t kLongest = sizeof(sockaddr_un::sun_path) - 1;
  if (path.size() > kLongest) {
    return invalid(text, "a socket's path has at most " + std::to_string(kLongest) + " bytes");
  }
  return ListenAddress{ListenAddress::Family::kUnix, std::string(path), 0};
}

}  // namespace

std::string ListenAddress::text() const {
  switch (family) {
    case Family::kUnix:
      return std::string(kUnixPrefix) + host;
    case Family::kIpv6:
      return "[" + host + "]:" + std::to_string(port);
    case Family::kIpv4:
      break;
  }
  return host + ":" + std::to_string(port);
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
  if (text.starts_with(kUnixPrefix)) {
    return parse_unix(text);
  }
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return invalid(text, "it has no port");
  }
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) {
    return invalid(text, "its port is not a number from 0 to 65535");
  }
  std::string host(text.substr(0, colon));
  if (host.find('\0') != std::string::npos) {
    return invalid(text, "an address holds no NUL");
  }
  if (!host.empty() && host.front() == '[') {
    in6_addr ipv6{};
    if (host.back() != ']' || host.size() < 2) {
      return invalid(text, "its bracket is not closed before the port");
    }
    host = host.substr(1, host.size() - 2);
    if (inet_pton(AF_INET6, host.c_str(), &ipv6) != 1) {
      return invalid(text, "what is in brackets is not an IPv6 address");
    }
    return ListenAddress{ListenAddress::Family::kIpv6, host, *port};
  }
  in_addr ipv4{};
  if (inet_pton(AF_INET, host.c_str(), &ipv4) != 1) {
    return invalid(text, host.find(':') != std::string::npos
                             ? "an IPv6 address stands in brackets"
                             : "its host is not an IPv4 address (names are not resolved)");
  }
  return ListenAddress{ListenAddress::Family::kIpv4, host, *port};
}

}  // namespace kvmtsc
