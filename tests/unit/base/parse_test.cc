#include "base/parse.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

TEST(Parse, ReadsWholeNumbersOnly) {
  EXPECT_EQ(parse_i64("-42\n"), -42);
  EXPECT_EQ(parse_i64("  7 "), 7);
  for (const char* bad : {"", " ", "-", "1 2", "0x10", "1.0", "1e3", "+-1", "nan", "12a"}) {
    EXPECT_FALSE(parse_i64(bad).has_value()) << bad;
  }
}

TEST(Parse, KnowsTheRangeOfEachType) {
  EXPECT_EQ(parse_i64("-9223372036854775808"), INT64_MIN);
  EXPECT_EQ(parse_i64("9223372036854775807"), INT64_MAX);
  EXPECT_FALSE(parse_i64("9223372036854775808"));
  EXPECT_EQ(parse_u64("18446744073709551615"), UINT64_MAX);
  EXPECT_FALSE(parse_u64("18446744073709551616"));
  EXPECT_FALSE(parse_u64("-1"));
  EXPECT_EQ(parse_u32("4294967295"), UINT32_MAX);
  EXPECT_FALSE(parse_u32("4294967296"));
}

TEST(Parse, SplitKeepsEmptyPieces) {
  EXPECT_EQ(split("a,,b,", ','), (std::vector<std::string_view>{"a", "", "b", ""}));
  EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
}

}  // namespace
}  // namespace kvmtsc
