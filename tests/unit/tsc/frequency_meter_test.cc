#include "tsc/frequency_meter.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(FrequencyMeter, NeedsTwoReadingsSomeTimeApart) {
  FrequencyMeter meter;
  EXPECT_FALSE(meter.frequency());
  meter.observe({1000, seconds(1), 1100});
  EXPECT_FALSE(meter.frequency());
  meter.observe({1200, seconds(1) + milliseconds(9), 1300});
  EXPECT_FALSE(meter.frequency());
}

TEST(FrequencyMeter, TheTruthLiesWithinTheBound) {
  // The clock was read somewhere within each bracket: at its start, then at its end.
  constexpr std::uint64_t kHertz = 3'000'000'000;
  FrequencyMeter meter;
  meter.observe({500, seconds(0), 500 + 300});
  meter.observe({500 + 2 * kHertz - 300, seconds(2), 500 + 2 * kHertz});
  const auto frequency = meter.frequency();
  ASSERT_TRUE(frequency);
  EXPECT_GT(frequency->bound_hertz, 0);
  EXPECT_LT(frequency->bound_hertz, 200);
  EXPECT_LE(std::abs(frequency->hertz - double{kHertz}), frequency->bound_hertz);
}

TEST(FrequencyMeter, TheBoundShrinksWithTime) {
  FrequencyMeter meter;
  meter.observe({0, seconds(0), 100});
  meter.observe({1'000'000'000, seconds(1), 1'000'000'100});
  const double early = meter.frequency()->bound_hertz;
  meter.observe({100'000'000'000, seconds(100), 100'000'000'100});
  EXPECT_LT(meter.frequency()->bound_hertz, early / 50);
}

TEST(FrequencyMeter, StartsAnewWhenTheTscGoesBackwards) {
  FrequencyMeter meter;
  meter.observe({5'000'000'000, seconds(5), 5'000'000'100});
  meter.observe({6'000'000'000, seconds(6), 6'000'000'100});
  meter.observe({100, seconds(7), 200});
  EXPECT_FALSE(meter.frequency());
  meter.observe({2'000'000'100, seconds(8), 2'000'000'200});
  EXPECT_NEAR(meter.frequency()->hertz, 2e9, 1e3);
}

}  // namespace
}  // namespace kvmtsc
