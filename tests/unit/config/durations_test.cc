#include "config/durations.h"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

using namespace std::chrono_literals;

TEST(Durations, AreNumbersWithUnits) {
  EXPECT_EQ(parse_duration("5s"), 5s);
  EXPECT_EQ(parse_duration("250ms"), 250ms);
  EXPECT_EQ(parse_duration("1m30s"), 90s);
  EXPECT_EQ(parse_duration("1h"), 1h);
  EXPECT_EQ(parse_duration("100us"), 100us);
  EXPECT_EQ(parse_duration("20ns"), 20ns);
  EXPECT_EQ(parse_duration("0s"), 0s);
  EXPECT_EQ(parse_duration("1h2m3s4ms5us6ns"), 1h + 2min + 3s + 4ms + 5us + 6ns);
  EXPECT_EQ(parse_duration("90m"), 90min);
  EXPECT_EQ(parse_duration("007s"), 7s);
}

TEST(Durations, AreNothingElse) {
  for (const char* text : {"",    "5",    "s",          "ms",   "5 s",    " 5s",  "5s ",  "-5s",
                           "+5s", "1.5s", "5S",         "5sec", "5d",     "1s1m", "1s1s", "1m5",
                           "5ss", "0x5s", "5\xC2\xB5s", "1e3s", "1s,2ms", "5s\n"}) {
    EXPECT_FALSE(parse_duration(text)) << text;
  }
}

TEST(Durations, OfGoHaveFractionsAndNoOrder) {
  EXPECT_EQ(parse_go_duration("0"), 0ns);
  EXPECT_EQ(parse_go_duration("1000000000"), 1s);
  EXPECT_EQ(parse_go_duration("1s"), 1s);
  EXPECT_EQ(parse_go_duration("1.5h"), 90min);
  EXPECT_EQ(parse_go_duration(".5s"), 500ms);
  EXPECT_EQ(parse_go_duration("1.s"), 1s);
  EXPECT_EQ(parse_go_duration("1s1m.5s"), 61500ms);
  EXPECT_EQ(parse_go_duration("5\xC2\xB5s"), 5us);
  EXPECT_EQ(parse_go_duration("5\xCE\xBCs"), 5us);
  EXPECT_EQ(parse_go_duration("0.3333333333333333333333h"), 1199999999999ns);
  EXPECT_EQ(parse_go_duration("2562047h47m16.854775807s")->count(),
            std::numeric_limits<std::int64_t>::max());
  for (const char* text :
       {"", "s", ".", ".s", "1..5s", "-1s", "+1s", "1 s", " 1", "5d", "1e3s", "1s2", "soon", "1.5",
        "9223372036854775808", "9223372036854775807h", "2562047h47m16.854775808s"}) {
    EXPECT_FALSE(parse_go_duration(text)) << text;
  }
}

TEST(Durations, ThatOverflowAreAbsent) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(parse_duration("9223372036854775807ns")->count(), kMax);
  EXPECT_EQ(parse_duration("9223372036s854775807ns")->count(), kMax);
  EXPECT_FALSE(parse_duration("9223372036854775808ns"));
  EXPECT_FALSE(parse_duration("9223372036s854775808ns"));
  EXPECT_FALSE(parse_duration("9999999999h"));
  EXPECT_FALSE(parse_duration("99999999999999999999999s"));
}

TEST(Durations, AreWrittenAsTheyAreRead) {
  EXPECT_EQ(format_duration(0s), "0s");
  EXPECT_EQ(format_duration(5s), "5s");
  EXPECT_EQ(format_duration(90s), "1m30s");
  EXPECT_EQ(format_duration(3600s), "1h");
  EXPECT_EQ(format_duration(1001ms), "1s1ms");
  for (std::int64_t count :
       {std::int64_t{1}, std::int64_t{999}, std::int64_t{1'000'000'001},
        std::int64_t{3'661'001'001'001}, std::numeric_limits<std::int64_t>::max()}) {
    const std::chrono::nanoseconds duration(count);
    EXPECT_EQ(parse_duration(format_duration(duration)), duration);
  }
}

}  // namespace
}  // namespace kvmtsc
