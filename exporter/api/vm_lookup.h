// Which VM a path means. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "tsc/snapshot.h"

namespace kvmtsc {

// The VMs that `name` fits: the one of that label, else those of that uuid or "<pid>-<fd>".
std::vector<const VmState*> find_vms(const Snapshot& snapshot, const std::string& name);

// Whether an operator whose scope names these may act on the VM; an empty scope is everything.
bool in_scope(const std::vector<std::string>& scope, const VmState& vm);

}  // namespace kvmtsc
