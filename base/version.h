// What this build is: for --version, exporter_build_info and the logs.
#pragma once

#include <string>
#include <string_view>

namespace kvmtsc {

struct BuildInfo {
  std::string_view version;   // "0.1.0"
  std::string_view revision;  // the commit, 12 hexadecimal digits; "unknown" if built outside git
  std::string_view compiler;  // "GCC 12.2.0"
};

BuildInfo build_info();

// What --version prints: one line, ending in a newline.
std::string version_text();

}  // namespace kvmtsc
