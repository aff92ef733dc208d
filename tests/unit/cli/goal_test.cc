#include "cli/goal.h"

#include <gtest/gtest.h>

#include "tests/fakes/temporary_directory.h"

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

TEST(Goal, TicksAreWholeNumbersOf64Bits) {
  EXPECT_NE(json_of({.set_offset = "-9223372036854775808"}), "");
  for (const char* wrong : {"--yes", "1.5", "9223372036854775808", "1e3", "0x1"}) {
    EXPECT_EQ(json_of({.set_offset = wrong}), "") << wrong;
    EXPECT_EQ(json_of({.shift_ticks = wrong}), "") << wrong;
  }
}

TEST(Goal, TicksMayBeAsTheyArePrinted) {
  EXPECT_EQ(json_of({.set_offset = "-819,000,512,120,999"}),
            R"({"goal":"set","offset":"-819000512120999"})");
  EXPECT_EQ(json_of({.shift_ticks = "9,000,000"}), R"({"goal":"shift","ticks":"9000000"})");
  EXPECT_EQ(json_of({.shift_ticks = "9,00"}), "");
}

TEST(Goal, TimesBecomeWholeNanoseconds) {
  EXPECT_EQ(json_of({.shift_time = "5ms"}), R"({"goal":"shift","nanoseconds":"5000000"})");
  EXPECT_EQ(json_of({.shift_time = "-1.5s"}), R"({"goal":"shift","nanoseconds":"-1500000000"})");
  EXPECT_EQ(json_of({.shift_time = "+3.47 ms"}), R"({"goal":"shift","nanoseconds":"3470000"})");
  for (const char* wrong : {"5", "ms", "5 m s", "soon", "nans", "1e30s", "5m"}) {
    EXPECT_EQ(json_of({.shift_time = wrong}), "") << wrong;
  }
}

TEST(Goal, ARestoreIsWhatTheFileSays) {
  const TemporaryDirectory directory;
  const std::string offsets = R"("offsets":[{"vcpu":0,"offset":"-9007199254740993"}])";
  const auto restoring = [&](const std::string& text) {
    return json_of({.restore_file = directory.write("goal.json", text)});
  };
  const std::string whole = R"({"bound_ticks":"3","goal":"restore",)" + offsets + "}";
  EXPECT_EQ(restoring(whole), nlohmann::json::parse(whole).dump());
  EXPECT_EQ(restoring(R"({"bound_ticks":"3",)" + offsets + "}"),
            nlohmann::json::parse(whole).dump());
  for (const std::string& wrong :
       {std::string(), std::string("no json"), std::string("[]"), std::string("{}"),
        std::string(R"({"bound_ticks":"3"})"), R"({"goal":"set",)" + offsets + "}"}) {
    EXPECT_EQ(restoring(wrong), "") << wrong;
  }
  EXPECT_EQ(json_of({.restore_file = directory.path() + "/none"}), "");
  // What `show` and `plan` print with --json.
  const std::string restored = R"({"goal":"restore","offsets":[{"offset":"-5","vcpu":3}]})";
  EXPECT_EQ(restoring(R"({"vm":"web","vcpus":[{"id":3,"offset":"-5","steps":"0"}]})"), restored);
  EXPECT_EQ(restoring(R"({"id":"p-1","vcpus":[{"id":3,"now":"9","then":"-5"}]})"), restored);
  const std::string plan = R"("plan":{"vcpus":[{"id":3,"now":"9","then":"-5"}]})";
  EXPECT_EQ(restoring("{" + plan + "}"), restored);
  EXPECT_EQ(restoring(R"({"what":"finished","details":{)" + plan + "}}"), restored);
  EXPECT_EQ(restoring(R"({"vm":"web","vcpus":[{"id":3}]})"), "");
  EXPECT_EQ(restoring(R"({"vm":"web","vcpus":[]})"), "");
}

}  // namespace
}  // namespace kvmtsc
