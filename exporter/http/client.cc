#include "exporter/http/client.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <optional>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace kvmtsc::http {
namespace {

constexpr std::size_t kPrefixBytes = 8;

// "10.0.0.1:1234" without the port, "[::1]:1234" without brackets as well.
std::string address_of(const std::string& peer) {
  const std::string address = peer.substr(0, peer.rfind(':'));
  return address.starts_with('[') && address.ends_with(']') ? address.substr(1, address.size() - 2)
                                                            : address;
}

std::optional<in6_addr> ipv6_of(const std::string& address) {
  in6_addr parsed{};
  return ::inet_pton(AF_INET6, address.c_str(), &parsed) == 1 ? std::optional{parsed}
                                                              : std::nullopt;
}

std::string text_of(int family, const void* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const char* const written = ::inet_ntop(family, address, text.data(), text.size());
  return written == nullptr ? "" : written;
}

// An IPv4 address that comes by IPv6 is one all the same.
std::string plain(const std::string& address) {
  const auto ipv6 = ipv6_of(address);
  return ipv6 && IN6_IS_ADDR_V4MAPPED(&*ipv6) ? text_of(AF_INET, &ipv6->s6_addr[12]) : address;
}

std::string network_of(const std::string& address) {
  auto ipv6 = ipv6_of(address);
  if (!ipv6 || IN6_IS_ADDR_LOOPBACK(&*ipv6) || IN6_IS_ADDR_LINKLOCAL(&*ipv6)) {
    return address;
  }
  std::fill(ipv6->s6_addr + kPrefixBytes, ipv6->s6_addr + sizeof(ipv6->s6_addr), 0);
  return text_of(AF_INET6, &*ipv6) + "/64";
}

}  // namespace

bool is_loopback(const std::string& peer) {
  const std::string address = plain(address_of(peer));
  return address.starts_with("127.") || address == "::1";
}

std::string client_of(const Request& request) {
  const std::string client = network_of(plain(address_of(request.peer)));
  const auto uid = request.peer_uid ? request.peer_uid : request.loopback_uid;
  return uid ? client + " uid " + std::to_string(*uid) : client;
}

}  // namespace kvmtsc::http
