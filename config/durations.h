// Durations as people write them in the configuration: "5s", "250ms", "1m30s", "1h", "100us".
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace kvmtsc {

// One or more of a whole number with a unit (h, m, s, ms, us, ns), each unit at most once and the
// larger before the smaller; no sign, no space, no fraction. Absent for anything else, and for what
// 64-bit nanoseconds cannot hold (292 years).
std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

// A duration as Go writes it and exporter-toolkit reads it: the units in any order and as often as
// one likes, with fractions ("1.5s"), micro signs for the "u", and a bare number for
// nanoseconds. No sign.
std::optional<std::chrono::nanoseconds> parse_go_duration(std::string_view text);

// The shortest text that parse_duration() turns back into `duration`, which is not negative.
std::string format_duration(std::chrono::nanoseconds duration);

}  // namespace kvmtsc
