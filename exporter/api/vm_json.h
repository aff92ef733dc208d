// VMs and the host as the API shows them (docs/api.md). Pure.
#pragma once

#include "exporter/api/api.h"
#include "exporter/api/problems.h"

namespace kvmtsc {

// One line of GET vms.
Json summary_json(const VmState& vm);
// GET vms/{vm}.
Json details_json(const VmState& vm, const Snapshot& snapshot);
// GET host.
Json host_json(const Snapshot& snapshot, const ApiFacts& facts, const http::Principal& you);

}  // namespace kvmtsc
