// Exchange: what is read of a CivetWeb connection for one request, and what is written to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "exporter/http/message.h"

struct mg_connection;
struct mg_request_info;

namespace kvmtsc::http {

// Everything but the body; absent when the target is not a path.
std::optional<Request> take_in(const mg_request_info& info);

// Content-Length, 0 if there is none; absent when it is not one number of digits alone: CivetWeb
// would read as much of it as looks like a number.
std::optional<std::uint64_t> body_size(const Request& request);

// False when the body ends early. Blocks for as long as the connection's timeouts let it.
bool read_body(mg_connection* connection, std::size_t size, std::string& body);

void send(mg_connection* connection, const Response& response, bool without_body);

// Sets peer_uid of a request over a unix socket, and loopback_uid of one that has credentials and
// comes from within this host.
void note_peer(const mg_connection* connection, Request& request);

}  // namespace kvmtsc::http
