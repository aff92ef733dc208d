// AttachTarget: which VM, and in which process, a KVM ioctl is to run.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "tsc/vm.h"

namespace kvmtsc {

struct AttachTarget {
  VmKey key;
  pid_t pid = 0;                    // the process that owns the VM
  std::uint64_t process_start = 0;  // field 22 of /proc/<pid>/stat when the VM was found
  std::string name = {};            // as the operator calls it
  std::string uuid = {};
};

inline AttachTarget attach_target(const VmKey& key, const VmIdentity& identity) {
  return {key, identity.pid, identity.process_start, identity.name, identity.uuid};
}

}  // namespace kvmtsc
