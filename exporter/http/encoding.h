// Content negotiation and compression. Pure; any thread.
#pragma once

#include <string_view>

#include "exporter/http/message.h"

namespace kvmtsc::http {

// Whether an Accept-Encoding header admits gzip: named (or by "*") with q > 0 (RFC 9110, 12.5.3).
// A malformed element counts as absent.
bool accepts_gzip(std::string_view accept_encoding);
// Whether the one or more Accept-Encoding headers of `request` do.
bool takes_gzip(const Request& request);

// Compresses the body of `response` where that is worth it (a text of at least 1 KiB, not encoded
// yet, of which nothing is shared) and `request` accepts it, and says with Vary that it depends on
// it.
void compress_for(const Request& request, Response& response);

// Which of two media ranges an Accept header prefers (RFC 9110, 12.5.1): true when OpenMetrics
// ("application/openmetrics-text", version 1.0.0, 0.0.1 or none) is wanted with a q greater than 0
// and no less than that of text/plain or what matches it. A malformed or empty header: false. "*/*"
// and "application/*" alone do not ask for OpenMetrics.
bool prefers_openmetrics(std::string_view accept);

}  // namespace kvmtsc::http
