#include "corrections/correction_json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace kvmtsc {
namespace {

Correction example() {
  Correction correction;
  correction.id = "c-1";
  correction.vm = {"web", "uuid", 42};
  correction.plan.goal = SetGoal{1, -9'007'199'254'740'993};
  correction.plan.vcpus = {{1, 0, -9'007'199'254'740'993, -9'007'199'254'740'993, -0.5}};
  correction.allowed = {Objection::kBackwards};
  correction.requested = {std::chrono::nanoseconds(1'700'000'000'000'000'001)};
  return correction;
}

TEST(CorrectionJson, TicksAreExactAndWhatIsUnknownIsNull) {
  const auto json = to_json(example());
  EXPECT_EQ(json["plan"]["goal"]["offset"], "-9007199254740993");
  EXPECT_EQ(json["plan"]["vcpus"][0]["then"], "-9007199254740993");
  EXPECT_EQ(json["requested"], "2023-11-14T22:13:20.000000001Z");
  EXPECT_EQ(json["allowed"].dump(), R"(["backwards"])");
  for (const char* unknown : {"verdict", "written", "finished", "report", "error", "undo_of"}) {
    EXPECT_TRUE(json[unknown].is_null()) << unknown;
  }
  EXPECT_TRUE(json["facts"]["master_clock"].is_null());
}

TEST(CorrectionJson, WhatBecameOfATimerIsAWordAndAReason) {
  Correction correction;
  correction.report.emplace();
  correction.report->vcpus.resize(4);
  correction.report->vcpus[1].timer = VcpuTimer{};
  correction.report->vcpus[2].timer = VcpuTimer{VcpuTimer::State::kRearmed, {}};
  correction.report->vcpus[3].timer =
      VcpuTimer{VcpuTimer::State::kNotRearmed, Error{ErrorKind::kTimeout, "late", "wait"}};
  const auto json = to_json(correction);
  auto words = nlohmann::ordered_json::array();
  for (const auto& vcpu : json["report"]["vcpus"]) {
    words.push_back(vcpu["timer"]);
    words.push_back(vcpu["timer_reason"]);
  }
  EXPECT_EQ(words.dump(), R"([null,null,"none",null,"rearmed",null,"not_rearmed","late; wait"])");
}

TEST(CorrectionJson, EachGoalHasItsForm) {
  EXPECT_EQ(dump(to_json(CorrectionGoal{AlignGoal{}})), R"({"goal":"align","to":"most_advanced"})");
  EXPECT_EQ(dump(to_json(CorrectionGoal{ShiftGoal{-5, {}}})), R"({"goal":"shift","ticks":"-5"})");
  EXPECT_EQ(dump(to_json(CorrectionGoal{ShiftGoal{{}, Nanoseconds(5)}})),
            R"({"goal":"shift","nanoseconds":"5"})");
  EXPECT_EQ(dump(to_json(CorrectionGoal{RestoreGoal{{{2, 7}}, 3}})),
            R"({"goal":"restore","offsets":[{"vcpu":2,"offset":"7"}],"bound_ticks":"3"})");
}

TEST(CorrectionJson, WhatWasInterruptedSaysWhere) {
  Correction correction = example();
  const auto after = [&](CorrectionState state) {
    correction.state = state;
    return nlohmann::json::parse(interrupted_json(dump(to_json(correction)), RealTime{}));
  };
  EXPECT_EQ(after(CorrectionState::kQueued)["verdict"], "not_applied");
  EXPECT_EQ(after(CorrectionState::kApplying)["verdict"], "uncertain");
  EXPECT_EQ(after(CorrectionState::kVerifying)["verdict"], "uncertain");
  EXPECT_EQ(after(CorrectionState::kApplying)["state"], "done");
  EXPECT_NE(after(CorrectionState::kApplying)["error"]["message"],
            after(CorrectionState::kVerifying)["error"]["message"]);
  EXPECT_EQ(interrupted_json("no json", RealTime{}), "no json");
}

TEST(CorrectionJson, WrongBytesDoNotThrow) {
  Correction correction = example();
  correction.reason = "\xff";
  EXPECT_EQ(nlohmann::json::parse(dump(to_json(correction)))["reason"], "\xEF\xBF\xBD");
}

}  // namespace
}  // namespace kvmtsc
