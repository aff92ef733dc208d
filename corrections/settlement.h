// Settlement: what a writer's report makes of a correction. Pure; any thread.
#pragma once

#include "attach/offset_writer.h"
#include "corrections/correction.h"

namespace kvmtsc {

// Leaves it kVerifying when every vCPU reads back what was wanted; else with a verdict.
void settle(Correction& correction, const Result<WriteReport>& report, RealTime now);

// Whether KVM took every write and kept the old offset of at least one vCPU: guests with a
// protected TSC, and some hosts.
bool was_ignored(const WriteReport& report);

}  // namespace kvmtsc
