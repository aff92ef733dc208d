// What a guest notices of a plan that is carried out, in a sentence. docs/what-a-guest-notices.md
// has what each part of it rests on. Pure; any thread.
#pragma once

#include <optional>
#include <string>

#include "tsc/correction_plan.h"

namespace kvmtsc {

// "on clocksource tsc its clock jumps ahead by 5 s, on kvm-clock it goes on; timers are armed
// anew"; or that they may be late, or early, and why. Absent where no TSC moves.
std::optional<std::string> guest_notice(const CorrectionPlan& plan);

}  // namespace kvmtsc
