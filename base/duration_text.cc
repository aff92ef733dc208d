#include "base/duration_text.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace kvmtsc {

std::string duration_text(double seconds, bool with_sign) {
  struct Unit {
    double size;
    const char* name;
  };
  constexpr std::array<Unit, 5> kUnits{
      {{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}, {1e-12, "ps"}}};
  if (seconds == 0) {
    return "0 s";
  }
  const Unit* unit = &kUnits.back();
  for (const Unit& one : kUnits) {
    if (std::abs(seconds) >= one.size * 0.9995) {
      unit = &one;
      break;
    }
  }
  const double value = seconds / unit->size;
  std::array<char, 400> text{};
  // No unit is larger than the second, and %g would go over to an exponent.
  if (std::abs(value) >= 999.5) {
    std::snprintf(text.data(), text.size(), with_sign ? "%+.0f %s" : "%.0f %s", value, unit->name);
  } else {
    std::snprintf(text.data(), text.size(), with_sign ? "%+.3g %s" : "%.3g %s", value, unit->name);
  }
  return text.data();
}

}  // namespace kvmtsc
