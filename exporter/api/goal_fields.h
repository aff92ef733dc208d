// A correction's goal, and what else a request for one says, from its JSON. Pure.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "exporter/api/fields.h"
#include "tsc/correction_plan.h"

namespace kvmtsc {

// Takes the fields of a goal; absent when there is no field "goal". What is wrong is left in
// `fields`.
std::optional<CorrectionGoal> take_goal(Fields& fields);

// Takes "allow" and "reason", which every request that changes something has.
std::set<Objection> take_allowed(Fields& fields);
std::string take_reason(Fields& fields);

}  // namespace kvmtsc
