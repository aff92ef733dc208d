// What KVM does with writes of TSC offsets on this host, as far as its modules tell.
#pragma once

#include <string>

namespace kvmtsc {

enum class OffsetWrites {
  kDone,
  kIgnored,  // accepted and not done: kvm_pvm, whose offsets are always 0
  // kvm_pvm and another are loaded. Which of them serves /dev/kvm, where one is built in, the
  // kernel does not tell.
  kPerhapsIgnored,
};

// `sysfs`: where it is mounted. Any thread.
OffsetWrites offset_writes(const std::string& sysfs);

}  // namespace kvmtsc
