// Undo: the way back from a correction, and whether it may be gone. Pure; any thread.
//
// The corrections of a VM form a stack. One that wrote, or may have, lies on those before it; an
// undo that was corrected takes the one on top away, and itself lies nowhere. So what was taken
// back is no obstacle, and the undo of an undo (a redo) puts back on the stack what that took away.
#pragma once

#include <set>
#include <span>
#include <vector>

#include "base/result.h"
#include "corrections/past_correction.h"
#include "tsc/objection.h"

namespace kvmtsc {

// The ids of those that stand, each VM's last one on top. `history`: the oldest first, of any VMs.
std::set<std::string> standing(std::span<const PastCorrection> history);

// What a correction's request need not allow by name when it takes another one back: objections
// that only protect from going on. Those that make putting back itself wrong, or do to the guest
// what it would notice, stay (docs/adr/0012).
const std::set<Objection>& allowed_to_undo();

// The offsets before `correction`. kConflict when it has no verdict yet, changed nothing, was taken
// back already, or when one of `later` (those after it, of any VM, the oldest first) lies on it.
Result<CorrectionGoal> way_back(const PastCorrection& correction,
                                const std::vector<PastCorrection>& later);

// Whether the VM's offsets (`vcpus`, as a plan saw them) are still what the correction left: what
// it wrote if it was corrected; if it is uncertain, each vCPU's one before or the one written.
bool still_stands(const PastCorrection& correction, const std::vector<PlannedVcpu>& vcpus);

}  // namespace kvmtsc
