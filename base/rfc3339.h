// Points in time as people and programs exchange them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace kvmtsc {

// RFC 3339 in UTC with nine decimals: "2026-11-24T09:30:00.000000001Z". Years 1678 to 2262, which
// is what RealTime spans.
std::string rfc3339(RealTime time);
// The inverse, for that form alone; absent for any other text.
std::optional<RealTime> parse_rfc3339(std::string_view text);

}  // namespace kvmtsc
