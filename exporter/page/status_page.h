// The status page: one snapshot as plain HTML for people. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "tsc/snapshot.h"

namespace kvmtsc {

// A whole HTML document without scripts, styles from elsewhere or links to other hosts. `snapshot`
// may be null (no sweep yet). All text of VMs is escaped.
std::string status_page(const Snapshot* snapshot, std::string_view version);

}  // namespace kvmtsc
