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
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), with_sign ? "%+.3g %s" : "%.3g %s", seconds / unit->size,
                unit->name);
  return text.data();
}

}  // namespace kvmtsc
