#include "bench/statistics.h"

#include <gtest/gtest.h>

namespace kvmtsc::bench {
namespace {

TEST(MeasurementsTest, QuantilesAreMeasuredValues) {
  Measurements measurements;
  for (int value = 200; value >= 1; --value) {
    measurements.add(value);
  }
  EXPECT_EQ(measurements.median(), 100);
  EXPECT_EQ(measurements.p99(), 198);
  EXPECT_EQ(measurements.quantile(1), 200);
}

TEST(MeasurementsTest, TheOnlyValueIsEveryQuantile) {
  Measurements measurements;
  measurements.add(7);
  EXPECT_EQ(measurements.median(), 7);
  EXPECT_EQ(measurements.p99(), 7);
}

TEST(MeasurementsTest, TheP99OfFewIsTheWorst) {
  Measurements measurements;
  for (const double value : {3.0, 9.0, 1.0}) {
    measurements.add(value);
  }
  EXPECT_EQ(measurements.median(), 3);
  EXPECT_EQ(measurements.p99(), 9);
}

}  // namespace
}  // namespace kvmtsc::bench
