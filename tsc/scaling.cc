#include "tsc/scaling.h"

#include <cmath>

namespace kvmtsc {
namespace {

__extension__ using Wide = unsigned __int128;

}  // namespace

bool operator==(ScalingRatio a, ScalingRatio b) {
  // a/2^m == b/2^n  <=>  a*2^n == b*2^m; each side needs at most 64 + 63 bits.
  return (Wide{a.value} << b.fraction_bits) == (Wide{b.value} << a.fraction_bits);
}

double to_double(ScalingRatio ratio) {
  return std::ldexp(static_cast<double>(ratio.value), -static_cast<int>(ratio.fraction_bits));
}

std::uint64_t scale(std::uint64_t host_tsc, ScalingRatio ratio) {
  return static_cast<std::uint64_t>((Wide{host_tsc} * ratio.value) >> ratio.fraction_bits);
}

std::uint64_t guest_tsc(std::uint64_t host_tsc, ScalingRatio ratio, std::int64_t offset) {
  return scale(host_tsc, ratio) + static_cast<std::uint64_t>(offset);
}

std::int64_t tick_difference(std::uint64_t a, std::uint64_t b) {
  return static_cast<std::int64_t>(a - b);
}

}  // namespace kvmtsc
