#include "config/listen_address.h"

#include <sys/un.h>

#include <algorithm>
#include <string>

#include <arpa/inet.h>

#include "base/parse.h"
#include "config/problems.h"

namespace kvmtsc {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::size_t kLongestSocketPath = sizeof(sockaddr_un::sun_path) - 1;

Status invalid(std::string what, std::string takes) {
  return Error{ErrorKind::kInvalid, std::move(what), std::move(takes)};
}

Status form_error(std::string_view address) {
  return invalid(in_quotes(address) + " is not a listen address",
                 "it takes " + std::string(kListenAddressForm));
}

bool is_port(std::string_view text) {
  const bool digits =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  const auto port = parse_u32(text);
  return digits && text.size() <= 5 && port && *port <= 65535;
}

bool is_address(int family, std::string_view text) {
  in6_addr parsed{};  // the larger of the two
  return text.find(char{}) == std::string_view::npos &&
         ::inet_pton(family, std::string(text).c_str(), &parsed) == 1;
}

Status check_socket_path(std::string_view path) {
  if (path.empty() || path.size() > kLongestSocketPath) {
    return invalid(
        "a socket path of " + std::to_string(path.size()) + " bytes",
        "unix:PATH takes a path of 1 to " + std::to_string(kLongestSocketPath) + " bytes");
  }
  return ok_status();
}

}  // namespace

Status check_listen_address(std::string_view address) {
  if (address.starts_with(kUnix)) {
    return check_socket_path(address.substr(kUnix.size()));
  }
  const auto colon = address.rfind(':');
  if (colon == std::string_view::npos) {
    return form_error(address);
  }
  std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  int family = AF_INET;
  if (host.starts_with('[') && host.ends_with(']')) {
    family = AF_INET6;
    host = host.substr(1, host.size() - 2);
  } else if (host.empty()) {
    return invalid(in_quotes(address) + " names no host",
                   "to listen on every IPv4 address write 0.0.0.0:PORT");
  } else if (host.find(':') != std::string_view::npos) {
    return form_error(address);
  }
  if (!is_port(port)) {
    return invalid(in_quotes(port) + " is not a port", "it takes a number from 0 to 65535");
  }
  if (!is_address(family, host)) {
    return invalid(in_quotes(host) + " is not an IP address; host names are not looked up",
                   "it takes " + std::string(kListenAddressForm));
  }
  return ok_status();
}

}  // namespace kvmtsc
