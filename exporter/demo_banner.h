// What the demo tells its visitor: where everything is, in words that can be typed as they stand.
#pragma once

#include <string>

namespace kvmtsc {

// `address` is the first that is served, as HOST:PORT or unix:PATH; `tls` whether HOST:PORT speaks
// TLS; `token` lets the visitor correct. Pure.
std::string demo_banner(const std::string& address, bool tls, const std::string& token);

}  // namespace kvmtsc
