#include "corrections/settlement.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

constexpr RealTime kNow{Nanoseconds{5}};

VcpuWrite written(std::int64_t before, std::int64_t wanted, std::int64_t read_back) {
  VcpuWrite write;
  write.before = before;
  write.wanted = wanted;
  write.accepted = true;
  write.read_back = read_back;
  return write;
}

Correction settled(const Result<WriteReport>& report) {
  Correction correction;
  settle(correction, report, kNow);
  return correction;
}

TEST(Settlement, WhatReadsBackIsToBeVerified) {
  const auto correction = settled(WriteReport{WriteOutcome::kApplied, {written(1, 2, 2)}, {}, {}});
  EXPECT_EQ(correction.state, CorrectionState::kVerifying);
  EXPECT_EQ(correction.written, kNow);
  EXPECT_EQ(correction.facts.read_back_equal, true);
  EXPECT_FALSE(correction.verdict);
}

TEST(Settlement, AnErrorOfTheWriterMeansThatNothingWasWritten) {
  const auto correction = settled(Error{ErrorKind::kRefused, "seccomp", {}});
  EXPECT_EQ(correction.verdict, Verdict::kNotApplied);
  EXPECT_EQ(correction.error->message, "seccomp");
  EXPECT_EQ(correction.finished, kNow);
  EXPECT_FALSE(correction.written);
}

TEST(Settlement, IgnoredWritesAreNotApplied) {
  const WriteReport report{WriteOutcome::kRolledBack, {written(1, 2, 1), written(2, 2, 2)}, {}, {}};
  EXPECT_TRUE(was_ignored(report));
  EXPECT_EQ(settled(report).verdict, Verdict::kNotApplied);
}

TEST(Settlement, OtherwiseWhatWasPutBackIsRolledBack) {
  WriteReport report{WriteOutcome::kRolledBack, {written(1, 2, 2), written(1, 2, 7)}, {}, {}};
  EXPECT_FALSE(was_ignored(report));
  report.vcpus[1].read_back = 1;
  report.vcpus[1].accepted = false;
  EXPECT_FALSE(was_ignored(report));
  EXPECT_EQ(settled(report).verdict, Verdict::kRolledBack);
  EXPECT_EQ(settled(report).facts.read_back_equal, false);
}

TEST(Settlement, WhatCouldNotBePutBackIsUncertain) {
  const auto correction = settled(WriteReport{
      WriteOutcome::kUncertain, {written(1, 2, 2)}, Error{ErrorKind::kGone, "died", {}}, {}});
  EXPECT_EQ(correction.verdict, Verdict::kUncertain);
  EXPECT_EQ(correction.error->message, "died");
  EXPECT_EQ(correction.written, kNow);
}

}  // namespace
}  // namespace kvmtsc
