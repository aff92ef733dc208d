// HostRoot: where the host's kernel file systems are mounted. Production uses the defaults or the
// --path.* flags; tests point it at fixture trees. Nothing else in the program spells these paths.
#pragma once

#include <string>

namespace kvmtsc {

struct HostRoot {
  std::string proc = "/proc";
  std::string sys = "/sys";
  std::string debugfs = "/sys/kernel/debug";

  bool operator==(const HostRoot&) const = default;
};

}  // namespace kvmtsc
