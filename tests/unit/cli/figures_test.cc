#include "cli/figures.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

TEST(Figures, SecondsHaveTheUnitThatFits) {
  EXPECT_EQ(seconds_text(0.003466), "3.47 ms");
  EXPECT_EQ(seconds_text(0.003466, true), "+3.47 ms");
  EXPECT_EQ(seconds_text(nullptr), "-");
}

TEST(Figures, WaitsAreRoundedUp) {
  EXPECT_EQ(wait_text(1), "1 s");
  EXPECT_EQ(wait_text(60), "60 s");
  EXPECT_EQ(wait_text(61), "2 min");
  EXPECT_EQ(wait_text(3600), "60 min");
}

TEST(Figures, TicksAreGroupedAndExact) {
  EXPECT_EQ(ticks_text("0"), "0");
  EXPECT_EQ(ticks_text("999"), "999");
  EXPECT_EQ(ticks_text("-1000"), "-1,000");
  EXPECT_EQ(ticks_text("-9223372036854775808"), "-9,223,372,036,854,775,808");
  EXPECT_EQ(ticks_text(nullptr), "-");
}

TEST(Figures, WhatIsPrintedIsReadBack) {
  for (const char* ticks : {"0", "-5", "999", "-1000", "9000000", "-9223372036854775808"}) {
    EXPECT_EQ(without_separators(ticks_text(ticks)), ticks);
  }
  for (const char* text : {"1,2", "12,34", ",123", "1,,000", "1,000,", "a,bcd", ""}) {
    EXPECT_EQ(without_separators(text), text);
  }
}

TEST(Figures, HertzHaveTheDigitsThatTheirBoundDeserves) {
  EXPECT_EQ(hertz_text(2596145846.125824, 122.02229913272777), "2,596,145,846 Hz +/- 122 Hz");
  EXPECT_EQ(hertz_text(2596145846.125824, 0.0312), "2,596,145,846.126 Hz +/- 0.031 Hz");
  EXPECT_EQ(hertz_text(3e9, 0), "3,000,000,000 Hz");
  EXPECT_EQ(hertz_text(nullptr, 1.0), "-");
}

TEST(Figures, WhatIsUnknownIsADash) {
  EXPECT_EQ(plain_text(nullptr), "-");
  EXPECT_EQ(plain_text(""), "-");
  EXPECT_EQ(plain_text(5), "5");
  EXPECT_EQ(yes_no(nullptr), "-");
  EXPECT_EQ(yes_no(false), "no");
}

}  // namespace
}  // namespace kvmtsc
