#include "base/duration_text.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

TEST(DurationText, HasTheUnitThatFits) {
  EXPECT_EQ(duration_text(0.003466), "3.47 ms");
  EXPECT_EQ(duration_text(-1.2e-7), "-120 ns");
  EXPECT_EQ(duration_text(1.5), "1.5 s");
  EXPECT_EQ(duration_text(0.99999), "1 s");
  EXPECT_EQ(duration_text(1.4e-11), "14 ps");
  EXPECT_EQ(duration_text(-3600, true), "-3600 s");
  EXPECT_EQ(duration_text(999.9), "1000 s");
  EXPECT_EQ(duration_text(999.2), "999 s");
  EXPECT_EQ(duration_text(86'400), "86400 s");
}

TEST(DurationText, ASignIsShownWhereAskedForAndNeverOfZero) {
  EXPECT_EQ(duration_text(0.003466, true), "+3.47 ms");
  EXPECT_EQ(duration_text(-1e-9, true), "-1 ns");
  EXPECT_EQ(duration_text(0, true), "0 s");
  EXPECT_EQ(duration_text(-0.0, true), "0 s");
}

}  // namespace
}  // namespace kvmtsc
