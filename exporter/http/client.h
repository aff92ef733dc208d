// Who is at the other end of a connection, for counting failed logins: one who may have as many
// addresses as he likes counts once, and those who share an address are told apart where the kernel
// can.
//
//   peer                              client
//   10.0.0.1:1234                     "10.0.0.1"
//   [2001:db8:1:2::3]:1234            "2001:db8:1:2::/64": a host is given at least that much
//   [fe80::1%eth0]:1234               "fe80::1%eth0": one link's hosts share a /64
//   [::ffff:10.0.0.1]:1234            "10.0.0.1"
//   127.0.0.1:1234, of uid 1000       "127.0.0.1 uid 1000"
//   unix, of uid 1000                 "unix uid 1000"
#pragma once

#include <string>

#include "exporter/http/message.h"

namespace kvmtsc::http {

std::string client_of(const Request& request);

// Whether `peer`, as Request::peer has it, is this host's own over TCP.
bool is_loopback(const std::string& peer);

}  // namespace kvmtsc::http
