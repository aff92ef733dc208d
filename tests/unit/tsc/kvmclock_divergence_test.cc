#include "tsc/kvmclock_divergence.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

constexpr Frequency kThreeGigahertz{3e9, 30};

ClockTriple triple_at(std::uint64_t kvmclock_ns) {
  ClockTriple triple;
  triple.kvmclock_ns = kvmclock_ns;
  triple.bound = Nanoseconds(2);
  return triple;
}

TEST(KvmclockDivergence, BeginsAtZero) {
  KvmclockDivergence divergence;
  const auto first = divergence.observe(triple_at(5), 1000, kThreeGigahertz);
  EXPECT_EQ(first.seconds, 0);
  EXPECT_NEAR(first.bound_seconds, 4e-9, 1e-15);
}

TEST(KvmclockDivergence, StaysZeroWhileBothAdvanceTogether) {
  KvmclockDivergence divergence;
  divergence.observe(triple_at(0), ~0ULL - 10, kThreeGigahertz);  // the guest TSC is about to wrap
  const auto later =
      divergence.observe(triple_at(100'000'000'000), 300'000'000'000ULL - 11, kThreeGigahertz);
  EXPECT_NEAR(later.seconds, 0, 1e-12);
  EXPECT_NEAR(later.bound_seconds, 100 * 1e-8 + 4e-9, 1e-12);
}

TEST(KvmclockDivergence, ShowsAWriteToEitherClock) {
  KvmclockDivergence divergence;
  divergence.observe(triple_at(0), 0, kThreeGigahertz);
  EXPECT_NEAR(divergence.observe(triple_at(1'000'000'000), 3'030'000'000, kThreeGigahertz).seconds,
              0.01, 1e-12);
  EXPECT_NEAR(divergence.observe(triple_at(2'010'000'000), 6'000'000'000, kThreeGigahertz).seconds,
              -0.01, 1e-12);
}

TEST(KvmclockDivergence, LosesNoNanosecondOverAYear) {
  KvmclockDivergence divergence;
  divergence.observe(triple_at(0), 0, kThreeGigahertz);
  const std::uint64_t year = 31'536'000;
  const auto later = divergence.observe(triple_at(year * 1'000'000'000), year * 3'000'000'000 + 3,
                                        kThreeGigahertz);
  EXPECT_NEAR(later.seconds, 1e-9, 1e-11);
}

}  // namespace
}  // namespace kvmtsc
