// Which VM a path means. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "tsc/snapshot.h"

namespace kvmtsc {

// The VMs that `name` fits: by label, uuid or "<pid>-<fd>". A VM that is called like another's uuid
// makes it ambiguous; who meant the other may not get this one.
std::vector<const VmState*> find_vms(const Snapshot& snapshot, const std::string& name);

// "<pid>-<fd>"; empty while the process is not known.
std::string process_name(const VmState& vm);

// Whether an operator whose scope names these may act on the VM; an empty scope is everything.
bool in_scope(const std::vector<std::string>& scope, const VmState& vm);

}  // namespace kvmtsc
