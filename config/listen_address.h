// The syntax of addresses to listen on.
#pragma once

#include <string_view>

#include "base/result.h"

namespace kvmtsc {

// What a listen address is, for messages and --help.
inline constexpr std::string_view kListenAddressForm =
    "HOST:PORT (an IPv4 address), [ADDRESS]:PORT (IPv6) or unix:PATH";

// Ok for HOST:PORT with a dotted IPv4 address, [ADDRESS]:PORT with an IPv6 address without a zone
// (ports 0 to 65535; 0 lets the kernel choose) and unix:PATH with a path of at most 107 bytes
// (unix(7), sun_path). Syntax only: says nothing about whether this host can listen there.
Status check_listen_address(std::string_view address);

}  // namespace kvmtsc
