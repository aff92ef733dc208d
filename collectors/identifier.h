// Identifier: from the key under which KVM lists a VM to the process that owns it and its name.
#pragma once

#include <set>
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

  // Whether a process that may be seen would lead to the VM if it still ran, and none does: its
  // threads have all ended. False where that cannot be known.
  virtual bool owner_has_ended(const VmKey& key, std::span<const pid_t> vcpu_threads) = 0;

  // The process that holds a descriptor of the VM though it did not make it; 0 when none is found.
  // KVM does not say which VM a descriptor belongs to: it is the lowest pid of those that have a VM
  // at the same number, as fork() leaves it, and are none of `owners`, which own a VM of that
  // number themselves. Looks at every process of the host.
  virtual pid_t find_holder(const VmKey& key, const std::set<pid_t>& owners) = 0;
};

}  // namespace kvmtsc
