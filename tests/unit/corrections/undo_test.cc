#include "corrections/undo.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

PastCorrection past(const std::string& id, std::optional<Verdict> verdict) {
  PastCorrection past;
  past.id = id;
  past.key = {7, 3, 1};
  past.vcpus = {{0, 100, 900}, {1, 200, 900}};
  past.verdict = verdict;
  return past;
}

std::vector<PlannedVcpu> standing(std::int64_t first, std::int64_t second) {
  return {{0, first, 0, 0, {}}, {1, second, 0, 0, {}}};
}

TEST(Undo, LeadsBackToWhatWasThereBefore) {
  const auto goal = way_back(past("c-1", Verdict::kCorrected), {});
  ASSERT_TRUE(goal);
  const auto& vcpus = std::get<RestoreGoal>(*goal).vcpus;
  ASSERT_EQ(vcpus.size(), 2u);
  EXPECT_EQ(vcpus[0].offset, 100);
  EXPECT_EQ(vcpus[1].id, 1u);
  EXPECT_EQ(vcpus[1].offset, 200);
}

TEST(Undo, OnlyOfWhatHasAVerdictAndMayHaveWritten) {
  EXPECT_TRUE(way_back(past("c-1", Verdict::kUncertain), {}));
  for (const auto verdict : {std::optional<Verdict>{}, std::optional{Verdict::kNotApplied},
                             std::optional{Verdict::kRolledBack}}) {
    const auto refused = way_back(past("c-1", verdict), {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
  }
}

TEST(Undo, OnlyOfTheVmsLast) {
  const auto first = past("c-1", Verdict::kCorrected);
  for (const auto verdict : {std::optional<Verdict>{}, std::optional{Verdict::kCorrected},
                             std::optional{Verdict::kUncertain}}) {
    EXPECT_FALSE(way_back(first, {past("c-2", verdict)}));
  }
  EXPECT_TRUE(way_back(first, {past("c-2", Verdict::kNotApplied)}));
  auto other = past("c-2", Verdict::kCorrected);
  other.key.incarnation = 2;
  EXPECT_TRUE(way_back(first, {other}));
}

PastCorrection undo(const std::string& id, const std::string& of,
                    Verdict verdict = Verdict::kCorrected) {
  PastCorrection undo = past(id, verdict);
  undo.undo_of = of;
  return undo;
}

TEST(Undo, WhatWasTakenBackIsNoObstacle) {
  const auto a = past("a", Verdict::kCorrected);
  const auto b = past("b", Verdict::kCorrected);
  EXPECT_TRUE(way_back(a, {b, undo("u", "b")}));
  EXPECT_TRUE(way_back(a, {b, undo("u", "b"), past("n", Verdict::kNotApplied)}));
  // Redone, it lies there again; taken back once more, it does not.
  EXPECT_FALSE(way_back(a, {b, undo("u", "b"), undo("r", "u")}));
  EXPECT_TRUE(way_back(a, {b, undo("u", "b"), undo("r", "u"), undo("v", "r")}));
  // An undo that did not take, or not for certain, takes nothing away.
  EXPECT_FALSE(way_back(a, {b, undo("u", "b", Verdict::kNotApplied)}));
  EXPECT_FALSE(way_back(a, {b, undo("u", "b", Verdict::kUncertain)}));
}

TEST(Undo, SaysWhatIsInTheWayAndWhatToDo) {
  const auto a = past("a", Verdict::kCorrected);
  const auto b = past("b", Verdict::kCorrected);
  EXPECT_EQ(way_back(a, {b, past("c", Verdict::kCorrected)}).error().text(),
            "correction c of this VM came later; undo that one first");
  EXPECT_EQ(way_back(a, {past("c", std::nullopt)}).error().remedy, "wait for its verdict");
  EXPECT_EQ(way_back(b, {undo("u", "b")}).error().text(),
            "correction b was taken back by u; to bring it about again, undo u");
  EXPECT_EQ(way_back(b, {undo("u", "b"), undo("r", "u")}).error().text(),
            "correction r of this VM came later; undo that one first");
}

TEST(Undo, AnUndoCanBeTakenBackInItsTurn) {
  EXPECT_TRUE(way_back(undo("u", "b"), {}));
  EXPECT_TRUE(way_back(undo("u", "b"), {undo("v", "a"), undo("r", "v")}));
  EXPECT_FALSE(way_back(undo("u", "b"), {undo("v", "a")}));
}

TEST(Undo, WhatStandsIsWhatNothingTookAway) {
  const auto a = past("a", Verdict::kCorrected);
  const auto b = past("b", Verdict::kCorrected);
  auto other = past("o", Verdict::kCorrected);
  other.key.fd = 9;
  using Ids = std::set<std::string>;
  EXPECT_EQ(standing(std::vector{a, other, b}), (Ids{"a", "b", "o"}));
  EXPECT_EQ(standing(std::vector{a, b, other, undo("u", "b")}), (Ids{"a", "o"}));
  EXPECT_EQ(standing(std::vector{a, b, undo("u", "b"), undo("v", "a")}), Ids{});
  EXPECT_EQ(standing(std::vector{a, b, undo("u", "b"), undo("r", "u")}), (Ids{"a", "r"}));
  EXPECT_EQ(standing(std::vector{a, past("n", Verdict::kRolledBack)}), Ids{"a"});
}

TEST(Undo, ACorrectedOneStandsOnlyWhole) {
  const auto corrected = past("c-1", Verdict::kCorrected);
  EXPECT_TRUE(still_stands(corrected, standing(900, 900)));
  EXPECT_FALSE(still_stands(corrected, standing(100, 900)));
  EXPECT_FALSE(still_stands(corrected, standing(900, 901)));
}

TEST(Undo, AnUncertainOneMayStandInPart) {
  const auto uncertain = past("c-1", Verdict::kUncertain);
  EXPECT_TRUE(still_stands(uncertain, standing(900, 900)));
  EXPECT_TRUE(still_stands(uncertain, standing(100, 900)));
  EXPECT_TRUE(still_stands(uncertain, standing(100, 200)));
  EXPECT_FALSE(still_stands(uncertain, standing(200, 100)));  // those of the other vCPU
  EXPECT_FALSE(still_stands(uncertain, {{0, 900, 0, 0, {}}}));
  EXPECT_FALSE(still_stands(uncertain, {{0, 900, 0, 0, {}}, {2, 900, 0, 0, {}}}));
}

}  // namespace
}  // namespace kvmtsc
