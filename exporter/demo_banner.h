// What the demo tells its visitor: where everything is, in words that can be typed as they stand.
#pragma once

#include <string>
#include <string_view>

namespace kvmtsc {

// `address` is the first that is served, as HOST:PORT or unix:PATH; `tls` whether HOST:PORT speaks
// TLS; `token` lets the visitor correct simulated VMs, and is empty where nobody may; `attach_mode`
// says what is done with this host's own VMs. Pure.
std::string demo_banner(const std::string& address, bool tls, const std::string& token,
                        std::string_view attach_mode);

}  // namespace kvmtsc
