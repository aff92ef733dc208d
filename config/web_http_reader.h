// Reads http_server_config of the web configuration (config/web_config.h).
#pragma once

#include "config/problems.h"
#include "config/web_config.h"
#include "config/yaml_reader.h"

namespace kvmtsc {

// What is wrong is added to `problems`.
void read_web_http(const YamlEntry& section, WebConfig& into, Problems& problems);

}  // namespace kvmtsc
