#include <gtest/gtest.h>

#include "cli/commands.h"

namespace kvmtsc {
namespace {

std::string json_of(const GoalOptions& options) {
  const auto goal = goal_json(options);
  return goal ? goal->dump() : "";
}

TEST(Goal, IsWhatTheApiTakes) {
  EXPECT_EQ(json_of({}), R"({"goal":"align"})");
  EXPECT_EQ(json_of({.align_to = "reference"}), R"({"goal":"align","to":"reference"})");
  EXPECT_EQ(json_of({.set_offset = "-5", .vcpu = 1}), R"({"goal":"set","offset":"-5","vcpu":1})");
  EXPECT_EQ(json_of({.shift_ticks = "7"}), R"({"goal":"shift","ticks":"7"})");
}

TEST(Goal, TimesBecomeWholeNanoseconds) {
  EXPECT_EQ(json_of({.shift_time = "5ms"}), R"({"goal":"shift","nanoseconds":"5000000"})");
  EXPECT_EQ(json_of({.shift_time = "-1.5s"}), R"({"goal":"shift","nanoseconds":"-1500000000"})");
  for (const char* wrong : {"5", "ms", "5 ms", "soon", "nans", "1e30s", "5m"}) {
    EXPECT_EQ(json_of({.shift_time = wrong}), "") << wrong;
  }
}

}  // namespace
}  // namespace kvmtsc
