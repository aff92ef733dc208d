// ListenAddress: where the server listens, as text and as a value. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace kvmtsc {

struct ListenAddress {
  enum class Family { kIpv4, kIpv6, kUnix };
  Family family = Family::kIpv4;
  std::string host;        // a numeric address without brackets; for kUnix the socket's path
  std::uint16_t port = 0;  // 0: the kernel chooses; unused for kUnix

  // The form that parse_listen_address() reads.
  std::string text() const;
  friend bool operator==(const ListenAddress&, const ListenAddress&) = default;
};

// What a listen address is, for messages and --help.
inline constexpr std::string_view kListenAddressForm =
    "HOST:PORT (an IPv4 address), [ADDRESS]:PORT (IPv6) or unix:PATH";

// Reads "HOST:PORT" (an IPv4 address), "[ADDRESS]:PORT" (IPv6) or "unix:PATH" (absolute, at
// most 107 bytes, without commas and colons, which the HTTP library takes for something else).
// Names are not resolved. An error names the text and shows the right form.
Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace kvmtsc
