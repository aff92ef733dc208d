// A WebConfig written as the file that says the same.
#pragma once

#include <string>

#include "config/web_config.h"

namespace kvmtsc::fuzz {

std::string yaml_of(const WebConfig& config);

// Two that are equal in every field have the same text: what the first says is in it.
inline bool same(const WebConfig& a, const WebConfig& b) {
  return yaml_of(a) == yaml_of(b);
}

}  // namespace kvmtsc::fuzz
