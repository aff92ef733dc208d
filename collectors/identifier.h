// Identifier: from the key under which KVM lists a VM to the process that owns it and its name.
#pragma once

#include <span>

#include "base/result.h"
#include "tsc/vm.h"

namespace kvmtsc {

class Identifier {
 public:
  virtual ~Identifier() = default;

  // Never fails: what cannot be found out stays empty, and the name falls back to comm-pid, then to
  // the directory name. `vcpu_threads` are TIDs of the VM's vCPUs (debugfs vcpuN/pid), which lead
  // to the process when the creating thread has ended; 0s are ignored. Sampling thread only.
  virtual VmIdentity identify(const VmKey& key, std::span<const pid_t> vcpu_threads) = 0;
};

}  // namespace kvmtsc
