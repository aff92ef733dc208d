// What a tls_server_config whose keys are each right may still have wrong as a whole: nobody could
// connect by it, or a door stands open that its writer holds for shut. Pure.
#pragma once

#include <cstddef>

#include "config/problems.h"
#include "config/web_config.h"

namespace kvmtsc {

// `line` is the section's, for the problems.
void check_web_tls(const WebTls& tls, std::size_t line, Problems& problems);

// exporter-toolkit does not serve HTTP/2 by a list of cipher suites that has not the one which
// HTTP/2 requires, and refuses the file; a list that is good for one exporter is to be good for
// all.
void check_http2_suites(const WebTls& tls, std::size_t line, Problems& problems);

}  // namespace kvmtsc
