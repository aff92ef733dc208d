#include "cli/figures.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace kvmtsc {

std::string seconds_text(const nlohmann::json& seconds, bool with_sign) {
  if (!seconds.is_number()) {
    return "-";
  }
  struct Unit {
    double size;
    const char* name;
  };
  constexpr std::array<Unit, 5> kUnits{
      {{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}, {1e-12, "ps"}}};
  const double value = seconds.get<double>();
  if (value == 0) {
    return "0 s";
  }
  const Unit* unit = &kUnits.back();
  for (const Unit& one : kUnits) {
    if (std::abs(value) >= one.size * 0.9995) {
      unit = &one;
      break;
    }
  }
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), with_sign ? "%+.3g %s" : "%.3g %s", value / unit->size,
                unit->name);
  return text.data();
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
