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
