// Figures as people read them. Pure.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace kvmtsc {

// duration_text(); "-" for null.
std::string seconds_text(const nlohmann::json& seconds, bool with_sign = false);
// "40 s" or "54 min", rounded up: how long to wait.
std::string wait_text(long seconds);
// "-9,000,000" of a decimal string; "-" for null.
std::string ticks_text(const nlohmann::json& ticks);
// The digits of a number as ticks_text() prints it; other text as it is.
std::string without_separators(const std::string& text);
// "2,596,145,846 Hz +/- 120 Hz": with as many digits as the bound deserves; "-" for null.
std::string hertz_text(const nlohmann::json& hertz, const nlohmann::json& bound);
// "yes", "no" or "-".
std::string yes_no(const nlohmann::json& value);
// A string, a number, or "-" for null and the empty string.
std::string plain_text(const nlohmann::json& value);

}  // namespace kvmtsc
