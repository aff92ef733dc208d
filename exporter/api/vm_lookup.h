// Which VM a path means. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "exporter/http/message.h"
#include "tsc/snapshot.h"

namespace kvmtsc {

// The VMs that `name` fits: by label, uuid or "<pid>-<fd>". A VM that is called like another's uuid
// makes it ambiguous; who meant the other may not get this one.
std::vector<const VmState*> find_vms(const Snapshot& snapshot, const std::string& name);

// "<pid>-<fd>"; empty while the process is not known.
std::string process_name(const VmState& vm);

// Whether the scope's names, which are labels or uuids, have the VM among them, or are none.
bool scope_names(const http::Scope& scope, const std::string& label, const std::string& uuid);

// Whether an operator of this scope may act on the VM: its names are labels or uuids, its kind is
// the collector that found the VM.
bool in_scope(const http::Scope& scope, const VmState& vm);

}  // namespace kvmtsc
