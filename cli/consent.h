// Consent: what is asked of the person at the terminal before anything is changed.
#pragma once

#include <string>
#include <vector>

#include "cli/output.h"

namespace kvmtsc {

// Whether each objection, {"objection", "detail"}, is allowed: those that `allow` names are; of
// each other the terminal is asked, by its name, and a yes adds it to `allow`. Where nobody can be
// asked the rest is left to the service, which refuses it by name.
bool consents_to(const Session& session, const Json& objections, bool yes,
                 std::vector<std::string>& allow);

// Whether to go on: `yes`, or the terminal says so. With --json, whose reader sees no plan, and
// without a terminal only `yes` will do.
bool agreed(const Session& session, bool yes);

}  // namespace kvmtsc
