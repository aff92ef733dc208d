#include "tsc/hold_histogram.h"

#include <numeric>

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

TEST(HoldHistogram, CountsEachHoldInItsBucket) {
  HoldHistogram holds;
  holds.observe(std::chrono::microseconds(10));  // bounds are inclusive
  holds.observe(std::chrono::microseconds(11));
  holds.observe(std::chrono::milliseconds(100));
  holds.observe(std::chrono::seconds(2));  // above all bounds
  EXPECT_EQ(holds.counts.front(), 1u);
  EXPECT_EQ(holds.counts[1], 1u);
  EXPECT_EQ(holds.counts.back(), 1u);
  EXPECT_EQ(std::accumulate(holds.counts.begin(), holds.counts.end(), 0ULL), 3u);
  EXPECT_EQ(holds.count, 4u);
  EXPECT_EQ(holds.sum, std::chrono::microseconds(2'100'021));
}

}  // namespace
}  // namespace kvmtsc
