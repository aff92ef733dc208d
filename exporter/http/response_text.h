// A response as the bytes that go over the wire (RFC 9112). Pure but for the date; any thread.
#pragma once

#include <string>

#include "exporter/http/message.h"

namespace kvmtsc::http {

// The whole response. Content-Length is that of `response.body` even when `without_body` (the
// answer to HEAD) leaves the body out; status 204 and 304 have neither. No Server header: the
// version of what runs here is nobody's business.
std::string response_text(const Response& response, bool without_body, bool keep_alive);

}  // namespace kvmtsc::http
