#include "base/join.h"

#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

TEST(Join, PutsTheSeparatorBetweenEveryTwo) {
  EXPECT_EQ(join(std::vector<std::string>{}, ", "), "");
  EXPECT_EQ(join(std::vector<std::string>{"a"}, ", "), "a");
  EXPECT_EQ(join(std::vector<std::string_view>{"a", "b", "c"}, ", "), "a, b, c");
  EXPECT_EQ(join(std::set<std::string>{"b", "a"}, ""), "ab");
}

TEST(Join, KeepsEmptyWords) {
  EXPECT_EQ(join(std::vector<std::string>{"", "a", "", ""}, ","), ",a,,");
}

}  // namespace
}  // namespace kvmtsc
