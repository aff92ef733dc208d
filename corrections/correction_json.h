// Plans and corrections as JSON objects: one form for the API, the audit and the command line
// (docs/api.md). 64-bit integers are decimal strings, for a JSON number is often read as a double;
// times are RFC 3339; what is not known is null. Pure; any thread.
#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "corrections/correction.h"

namespace kvmtsc {

nlohmann::ordered_json to_json(const Error& error);
nlohmann::ordered_json to_json(const CorrectionGoal& goal);
nlohmann::ordered_json to_json(const PlanRecord& record);
nlohmann::ordered_json to_json(const Correction& correction);
nlohmann::ordered_json to_json(const std::vector<ObjectionFound>& objections);

// One line.
std::string dump(const nlohmann::ordered_json& json);

// A correction's JSON that the service left unfinished when it ended, as done and uncertain, with
// an error that says between which steps. Text that is not such JSON comes back as it is.
std::string interrupted_json(const std::string& unfinished, RealTime now);

}  // namespace kvmtsc
