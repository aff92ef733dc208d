// What speaks against a plan: found when it is made, and what of it remains. Pure; any thread.
#pragma once

#include <set>
#include <vector>

#include "tsc/correction_plan.h"

namespace kvmtsc {

// In the order of the enumerators, each once. `vm` has a reading, of which the plan was made.
std::vector<ObjectionFound> objections_to(const CorrectionPlan& plan, const VmState& vm,
                                          const PlanConditions& conditions);

// Whether the VM's last reading is what two sweeps have agreed on.
bool offsets_confirmed(const VmState& vm);

// The objections that `allowed` does not name.
std::vector<ObjectionFound> standing_objections(const CorrectionPlan& plan,
                                                const std::set<Objection>& allowed);

}  // namespace kvmtsc
