// Where the service is when nobody says: at its unix socket, else where it listens without options.
#pragma once

#include <cstdint>
#include <string>

namespace kvmtsc {

// Of the packaged service, and of one started without options.
struct DefaultPlaces {
  std::string socket = "/run/kvm-tsc-exporter/api.sock";
  std::uint16_t port = 10078;  // of 127.0.0.1
};

struct DefaultServer {
  std::string server;  // as --server takes it
  std::string how;     // why this one, in words: "its unix socket"; empty where none was found
  std::string aside;   // what to add where it does not answer: the other place, and what is there
};

// Connects to both, the socket first, and sends nothing. A socket that may not be opened is the
// answer all the same: who asks is to learn that. Above port 1023 anybody may listen, so with
// `credentials` the port is the answer only where root or this user does (/proc/net/tcp). Without
// any service the socket, with nothing in `how`.
DefaultServer find_server(bool credentials, const DefaultPlaces& places = {},
                          const std::string& procfs = "/proc");

}  // namespace kvmtsc
