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

}  // namespace kvmtsc
