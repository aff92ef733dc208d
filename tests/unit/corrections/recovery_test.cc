#include "corrections/recovery.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "corrections/journal_entries.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_journal.h"

namespace kvmtsc {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr VmKey kWeb{7, 3, 1};

class RecoveryTest : public testing::Test {
 protected:
  // One of the last run, as old as that.
  void left(const std::string& id, CorrectionState state, Nanoseconds age = {}) {
    Correction correction;
    correction.id = id;
    correction.vm = {"web", "uuid", 42};
    correction.plan.vm = kWeb;
    correction.state = state;
    correction.requested = {clock_.realtime().since_epoch - age};
    ASSERT_TRUE(journal_.record(event_of("requested", correction, correction.requested),
                                row_of(correction)));
  }

  FakeClock clock_;
  FakeJournal journal_;
};

TEST_F(RecoveryTest, ReportsWhatHasNoVerdict) {
  left("c-1", CorrectionState::kDone);
  left("c-2", CorrectionState::kQueued);
  left("c-3", CorrectionState::kApplying);
  const auto reported = report_interrupted(journal_, clock_.realtime());
  ASSERT_TRUE(reported);
  EXPECT_EQ(*reported, 2u);
  EXPECT_EQ(journal_.all.back().what, "interrupted");
  EXPECT_EQ(journal_.all.back().correction, "c-3");
  EXPECT_EQ(journal_.all.back().vm_uuid, "uuid");
  EXPECT_TRUE(journal_.unfinished()->empty());
  EXPECT_EQ(*report_interrupted(journal_, clock_.realtime()), 0u);
}

TEST_F(RecoveryTest, SaysSoWhenTheJournalFails) {
  left("c-1", CorrectionState::kQueued);
  journal_.fails_at = "interrupted";
  EXPECT_FALSE(report_interrupted(journal_, clock_.realtime()));
}

TEST_F(RecoveryTest, CountsTheLastHourTowardsTheLimits) {
  left("c-1", CorrectionState::kDone, hours(2));
  left("c-2", CorrectionState::kDone, minutes(40));
  RateLimits limits(1, 10);
  ASSERT_TRUE(recall_limits(journal_, clock_, 10, limits));
  EXPECT_EQ(limits.check(kWeb, clock_.monotonic()).error().retry_after, minutes(20));
}

TEST_F(RecoveryTest, CountsInTheOrderOfTimeAlsoWhereTheClockWasSetBetween) {
  left("c-1", CorrectionState::kDone, minutes(10));
  left("c-2", CorrectionState::kDone, minutes(50));
  RateLimits limits(2, 10);
  ASSERT_TRUE(recall_limits(journal_, clock_, 10, limits));
  EXPECT_EQ(limits.check(kWeb, clock_.monotonic()).error().retry_after, minutes(10));
}

TEST_F(RecoveryTest, AClockThatWasSetBackMakesNobodyWaitForLonger) {
  left("c-1", CorrectionState::kDone, -hours(24));
  RateLimits limits(1, 10);
  ASSERT_TRUE(recall_limits(journal_, clock_, 10, limits));
  EXPECT_EQ(limits.check(kWeb, clock_.monotonic()).error().retry_after, hours(1));
}

}  // namespace
}  // namespace kvmtsc
