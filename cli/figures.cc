#include "cli/figures.h"

#include "base/duration_text.h"

namespace kvmtsc {

std::string seconds_text(const nlohmann::json& seconds, bool with_sign) {
  if (!seconds.is_number()) {
    return "-";
  }
  return duration_text(seconds.get<double>(), with_sign);
}

std::string wait_text(long seconds) {
  constexpr long kMinute = 60;
  if (seconds <= kMinute) {
    return std::to_string(seconds) + " s";
  }
  return std::to_string((seconds + kMinute - 1) / kMinute) + " min";
}

std::string ticks_text(const nlohmann::json& ticks) {
  if (!ticks.is_string()) {
    return "-";
  }
  auto digits = ticks.get<std::string>();
  const std::size_t first = digits.starts_with('-') ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string yes_no(const nlohmann::json& value) {
  return value.is_boolean() ? (value.get<bool>() ? "yes" : "no") : "-";
}

std::string plain_text(const nlohmann::json& value) {
  if (value.is_string()) {
    const auto text = value.get<std::string>();
    return text.empty() ? "-" : text;
  }
  return value.is_null() ? "-" : value.dump();
}

}  // namespace kvmtsc
