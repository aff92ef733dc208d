// TSC scaling and the guest's view of the TSC.
//
//   guest_tsc = ((host_tsc * ratio) >> fraction_bits) + offset      modulo 2^64
//
// Source: kvm_scale_tsc() and kvm_read_l1_tsc() in arch/x86/kvm/x86.c; AMD APM vol. 2, 15.30.5 (32
// fraction bits); Intel SDM vol. 3C, 26.3 (48 fraction bits). Pure functions, any thread.
#pragma once

#include <cstdint>

namespace kvmtsc {

// A fixed-point multiplier of the host TSC. {1, 0} is "not scaled".
struct ScalingRatio {
  std::uint64_t value = 1;
  std::uint8_t fraction_bits = 0;  // 0 to 63
};

// Equal as numbers, whatever their fraction bits.
bool operator==(ScalingRatio a, ScalingRatio b);

// The ratio as a real number; correctly rounded to double.
double to_double(ScalingRatio ratio);

// host_tsc scaled; the product is taken in 128 bits and the result modulo 2^64.
std::uint64_t scale(std::uint64_t host_tsc, ScalingRatio ratio);

// What RDTSC returns in the guest when it is `host_tsc` on the host. `offset` is signed ticks of
// the guest TSC.
std::uint64_t guest_tsc(std::uint64_t host_tsc, ScalingRatio ratio, std::int64_t offset);

// a - b modulo 2^64, as the signed number nearest to zero: how far `a` is ahead of `b`.
// Exact while the true difference is within [-2^63, 2^63).
std::int64_t tick_difference(std::uint64_t a, std::uint64_t b);

}  // namespace kvmtsc
