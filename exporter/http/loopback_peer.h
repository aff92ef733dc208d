// Whose process is at the other end of a TCP connection within this host.
#pragma once

#include <cstdint>
#include <optional>

namespace kvmtsc::http {

// The user who made the other socket of the connection that `socket` is this end of, in this
// process's user namespace (sock_diag(7), INET_DIAG). Absent where the other end is closed already
// or is no socket of this network namespace, and where the kernel or a sandbox does not let us ask.
// Tens of microseconds; any thread.
std::optional<std::uint32_t> loopback_uid(int socket);

}  // namespace kvmtsc::http
