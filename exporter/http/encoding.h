// Content negotiation and compression. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

namespace kvmtsc::http {

// Whether an Accept-Encoding header admits gzip: named (or by "*") with q > 0 (RFC 9110, 12.5.3).
bool accepts_gzip(std::string_view accept_encoding);

// `data` as one gzip member (RFC 1952).
std::string gzip(std::string_view data);

// Which of two media ranges an Accept header prefers (RFC 9110, 12.5.1): true when OpenMetrics
// ("application/openmetrics-text", version 1.0.0, 0.0.1 or none) is wanted with a q greater than 0
// and no less than that of text/plain or what matches it. A malformed or empty header: false.
bool prefers_openmetrics(std::string_view accept);

}  // namespace kvmtsc::http
