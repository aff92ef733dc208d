// Reads tls_server_config of the web configuration (config/web_config.h).
#pragma once

#include <string>

#include "config/problems.h"
#include "config/web_config.h"
#include "config/yaml_reader.h"

namespace kvmtsc {

// `file` is the web configuration's own name, from whose directory relative paths are taken. What
// is wrong is added to `problems`; what is returned is whole only where there is none.
WebTls read_web_tls(const YamlEntry& section, const std::string& file, Problems& problems);

// exporter-toolkit does not serve HTTP/2 by a list of cipher suites that has not the one which
// HTTP/2 requires, and refuses the file; a list that is good for one exporter is to be good for
// all.
void check_http2_suites(const WebTls& tls, std::size_t line, Problems& problems);

}  // namespace kvmtsc
