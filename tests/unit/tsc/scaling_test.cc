#include "tsc/scaling.h"

#include <limits>
#include <random>

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

__extension__ using Wide = unsigned __int128;

// The definition, spelled with a long multiplication of 32-bit halves instead of one wide product,
// so that the two can disagree.
std::uint64_t scale_by_halves(std::uint64_t tsc, ScalingRatio ratio) {
  const Wide low = Wide{tsc & 0xffffffff} * ratio.value;
  const Wide high = Wide{tsc >> 32} * ratio.value;
  const Wide sum_low = low + ((high & 0xffffffff) << 32);
  const Wide sum_high = (high >> 32) + (sum_low >> 64);
  // The product is sum_high : (sum_low mod 2^64), of which bits fraction .. fraction + 63 are kept.
  const auto below = static_cast<std::uint64_t>(sum_low);
  const auto above = static_cast<std::uint64_t>(sum_high);
  return ratio.fraction_bits == 0
             ? below
             : (below >> ratio.fraction_bits) | (above << (64 - ratio.fraction_bits));
}

class ScalingProperty : public testing::TestWithParam<int> {};

TEST_P(ScalingProperty, AgreesWithAPlainModel) {
  const auto bits = static_cast<std::uint8_t>(GetParam());
  std::mt19937_64 random(20261123);
  for (int i = 0; i < 20000; ++i) {
    const std::uint64_t tsc = random() >> (random() % 64);
    const ScalingRatio ratio{random() >> (random() % 64), bits};
    EXPECT_EQ(scale(tsc, ratio), scale_by_halves(tsc, ratio)) << tsc << " * " << ratio.value;
  }
}

INSTANTIATE_TEST_SUITE_P(FractionBits, ScalingProperty, testing::Values(0, 1, 32, 48, 63),
                         testing::PrintToStringParamName());

TEST(Scaling, RatioOneChangesNothing) {
  for (const ScalingRatio one :
       {ScalingRatio{}, ScalingRatio{1ULL << 32, 32}, ScalingRatio{1ULL << 48, 48}}) {
    for (const std::uint64_t tsc : {0ULL, 1ULL, 1ULL << 63, ~0ULL}) {
      EXPECT_EQ(scale(tsc, one), tsc);
    }
    EXPECT_EQ(one, ScalingRatio{});
    EXPECT_EQ(to_double(one), 1.0);
  }
}

TEST(Scaling, KeepsBitsThatA64BitProductWouldLose) {
  // 2.8 GHz guest on a 3 GHz host after a year: the product needs 103 bits.
  const std::uint64_t tsc = 3'000'000'000ULL * 86'400 * 365;
  const ScalingRatio ratio{(28ULL << 48) / 30, 48};
  const double expected = static_cast<double>(tsc) * 28 / 30;
  EXPECT_NEAR(static_cast<double>(scale(tsc, ratio)), expected, expected * 1e-12);
}

TEST(Scaling, GuestTscWrapsAround) {
  EXPECT_EQ(guest_tsc(10, {}, -11), ~0ULL);
  EXPECT_EQ(guest_tsc(~0ULL, {}, 1), 0ULL);
  EXPECT_EQ(guest_tsc(5, {}, std::numeric_limits<std::int64_t>::min()), (1ULL << 63) + 5);
}

TEST(Scaling, DifferenceIsTheSignedNearest) {
  EXPECT_EQ(tick_difference(5, 7), -2);
  EXPECT_EQ(tick_difference(1, ~0ULL), 2);
  EXPECT_EQ(tick_difference(~0ULL, 1), -2);
  EXPECT_EQ(tick_difference(1ULL << 63, 0), std::numeric_limits<std::int64_t>::min());
}

TEST(Scaling, RatiosCompareAsNumbers) {
  EXPECT_EQ((ScalingRatio{3ULL << 31, 32}), (ScalingRatio{3ULL << 47, 48}));
  EXPECT_NE((ScalingRatio{1ULL << 32, 32}), (ScalingRatio{(1ULL << 48) + 1, 48}));
  EXPECT_NE((ScalingRatio{~0ULL, 63}), (ScalingRatio{~0ULL - 1, 63}));
}

}  // namespace
}  // namespace kvmtsc
