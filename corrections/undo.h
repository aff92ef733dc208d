// Undo: the way back from a correction, and whether it may be gone. Pure; any thread.
#pragma once

#include <vector>

#include "base/result.h"
#include "corrections/past_correction.h"

namespace kvmtsc {

// The offsets before `correction`. kConflict when it has no verdict yet, changed nothing, or when
// one of `later` (those after it, of any VM) is of the same VM and has, or may have, written.
Result<CorrectionGoal> way_back(const PastCorrection& correction,
                                const std::vector<PastCorrection>& later);

// Whether the VM's offsets (`vcpus`, as a plan saw them) are still what the correction left: what
// it wrote if it was corrected; if it is uncertain, each vCPU's one before or the one written.
bool still_stands(const PastCorrection& correction, const std::vector<PlannedVcpu>& vcpus);

}  // namespace kvmtsc
