// What in a plan itself forbids carrying it out, whatever is allowed. Pure; any thread.
#pragma once

#include <optional>

#include "tsc/correction_plan.h"

namespace kvmtsc {

// kRefused where a vCPU's TSC would go back past 0. The TSC and the deadlines of its timer are
// unsigned (start_sw_tscdeadline() in arch/x86/kvm/lapic.c compares them so): it would stand just
// below 2^64, and what is armed on the other side of 0 fires at once or not at all. `reading` is
// the one that the plan was made from. The guest's TSC is taken at the reading's begin; it only
// grows from there, so a plan that passes can still be carried out later.
std::optional<Error> obstacle_in(const CorrectionPlan& plan, const VmReading& reading);

}  // namespace kvmtsc
