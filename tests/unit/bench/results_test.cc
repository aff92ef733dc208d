#include "bench/results.h"

#include <limits>

#include <gtest/gtest.h>

namespace kvmtsc::bench {
namespace {

Row row_of(std::optional<double> ours, std::optional<double> baseline,
           std::optional<double> limit) {
  return {"thing", "ms", ours, baseline, limit, {}};
}

TEST(RowTest, ALimitIsOfTheRatioWhereThereIsABaseline) {
  EXPECT_EQ(row_of(13, 10, 1.3).verdict(), Verdict::kHeld);
  EXPECT_EQ(row_of(13.1, 10, 1.3).verdict(), Verdict::kMissed);
}

TEST(RowTest, ALimitIsOfOursWhereThereIsNoBaseline) {
  EXPECT_EQ(row_of(19.9, {}, 20).verdict(), Verdict::kHeld);
  EXPECT_EQ(row_of(20.1, {}, 20).verdict(), Verdict::kMissed);
}

TEST(RowTest, WhatCannotBeJudgedMisses) {
  EXPECT_EQ(row_of(1, 0, 1.3).verdict(), Verdict::kMissed);
  EXPECT_EQ(row_of(0, 0, 1.3).verdict(), Verdict::kMissed);
  EXPECT_EQ(row_of({}, {}, 20).verdict(), Verdict::kMissed);
  EXPECT_EQ(row_of(std::numeric_limits<double>::quiet_NaN(), {}, 20).verdict(), Verdict::kMissed);
}

TEST(ResultsTest, OnlyAMissedLimitIsAFailure) {
  Results results;
  results.add(row_of(5, {}, {}));
  results.add(row_of(5, {}, 6));
  results.skip("other thing", "/dev/kvm");
  EXPECT_FALSE(results.any_missed());
  results.add(row_of(7, {}, 6));
  EXPECT_TRUE(results.any_missed());
}

TEST(ResultsTest, TheTableShowsNotesFiguresLimitsAndVerdicts) {
  Results results;
  results.note("machine", "2 x CPU");
  results.add(row_of(1.25, 1, 1.3));
  results.add(row_of(123.4, {}, 20));
  results.skip("other thing", "/dev/kvm");
  EXPECT_EQ(results.table(),
            "machine: 2 x CPU\n"
            "\n"
            "what            ours  baseline  ratio or limit   verdict\n"
            "--------------------------------------------------------\n"
            "thing        1.25 ms   1.00 ms  1.25, limit 1.3  held\n"
            "thing         123 ms            limit 20 ms      MISSED\n"
            "other thing                                      skipped, missing: /dev/kvm\n");
}

TEST(ResultsTest, JsonHasUnroundedNumbersAndLeavesOutWhatIsAbsent) {
  Results results;
  results.note("kernel", "6.1");
  results.add(row_of(1.23456789, 2, 1));
  results.add(row_of(3, {}, {}));
  results.skip("other thing", "/dev/kvm");
  EXPECT_EQ(results.json(), nlohmann::json::parse(R"({
    "notes": {"kernel": "6.1"},
    "rows": [
      {"what": "thing", "unit": "ms", "ours": 1.23456789, "baseline": 2.0, "ratio": 0.617283945,
       "limit": 1.0, "verdict": "held"},
      {"what": "thing", "unit": "ms", "ours": 3.0},
      {"what": "other thing", "unit": "", "verdict": "skipped", "missing": "/dev/kvm"}
    ]})"));
}

}  // namespace
}  // namespace kvmtsc::bench
