// LabelBook: gives every VM a `vm` label that is unique on this host and stays the same for as long
// as the VM lives.
#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <unordered_set>

#include "collectors/offset_source.h"
#include "tsc/vm.h"

namespace kvmtsc {

// A VM is labelled by its name where nobody else holds that label. Otherwise "@<pid>-<fd>" is put
// behind the name (the creator's TID where the process is unknown), again and again until nobody
// holds the result. A label once given stays, though the name may change, and is free again as soon
// as its VM is gone; only a VM whose process was unknown (pid 0) is labelled anew when it is found,
// which happens in its first moments (ProcIdentifier). Of several newcomers with one name the
// oldest gets the plain one: by start of the process, then pid, then fd, those of unknown processes
// last. A newcomer's own name goes before another's made-up one.
//
// Not thread-safe.
class LabelBook {
 public:
  // `vms` are all VMs there are now; the result has a label for each key. O(n log n).
  std::map<VmKey, std::string> assign(std::span<const FoundVm> vms);

 private:
  std::map<VmKey, std::string> given_;
  std::set<VmKey> provisional_;            // those of given_ whose process is unknown
  std::unordered_set<std::string> taken_;  // the values of given_
};

}  // namespace kvmtsc
