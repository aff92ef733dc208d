// Reads http_server_config and rate_limit of the web configuration (config/web_config.h).
#pragma once

#include "config/problems.h"
#include "config/web_config.h"
#include "config/yaml_reader.h"

namespace kvmtsc {

// What is wrong is added to `problems`. Says whether HTTP/2 is wanted; HTTP/1.1 is served either
// way.
bool read_web_http(const YamlEntry& section, WebConfig& into, Problems& problems);
WebRateLimit read_web_rate_limit(const YamlEntry& section, Problems& problems);

}  // namespace kvmtsc
