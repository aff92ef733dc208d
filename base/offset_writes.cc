#include "base/offset_writes.h"

#include <unistd.h>

namespace kvmtsc {

OffsetWrites offset_writes(const std::string& sysfs) {
  const auto has_module = [&](const char* name) {
    return ::access((sysfs + "/module/" + name).c_str(), F_OK) == 0;
  };
  if (!has_module("kvm_pvm")) {
    return OffsetWrites::kDone;
  }
  const bool alone = !has_module("kvm_intel") && !has_module("kvm_amd");
  return alone ? OffsetWrites::kIgnored : OffsetWrites::kPerhapsIgnored;
}

}  // namespace kvmtsc
