#include "corrections/event_summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "corrections/correction_json.h"

namespace kvmtsc {
namespace {

using testing::ElementsAre;

JournalEvent event(const char* what, std::string details) {
  JournalEvent event;
  event.what = what;
  event.details = std::move(details);
  return event;
}

PlanRecord planned() {
  PlanRecord record;
  record.id = "p-1";
  record.plan.goal = AlignGoal{AlignGoal::To::kReference};
  record.plan.vcpus = {{0, 0, 7, 7, 7e-9}, {1, 9, 0, -9, -9e-9}, {2, 0, 0, 0, 0.0}};
  record.plan.objections = {{Objection::kBackwards, "it goes back"}, {Objection::kUntrusted, ""}};
  return record;
}

TEST(EventSummary, OfAPlanHasItsGoalLargestJumpAndObjections) {
  const EventSummary summary = summary_of(event("planned", dump(to_json(planned()))));
  EXPECT_EQ(summary.plan, "p-1");
  EXPECT_EQ(summary.goal, "align");
  ASSERT_TRUE(summary.largest_jump);
  EXPECT_EQ(summary.largest_jump->ticks, -9);
  EXPECT_EQ(summary.largest_jump->seconds, -9e-9);
  EXPECT_THAT(summary.objections, ElementsAre("backwards", "untrusted"));
  EXPECT_FALSE(summary.reason || summary.undo_of || summary.verdict || summary.error);
}

TEST(EventSummary, OfACorrectionHasItsReasonVerdictAndWhatItTakesBack) {
  Correction correction;
  correction.id = "c-2";
  correction.plan = planned().plan;
  correction.reason = "page 17";
  correction.undo_of = "c-1";
  finish(correction, Verdict::kRolledBack, RealTime{});
  correction.error = Error{ErrorKind::kIo, "vCPU 1 did not take it", "try again"};
  const EventSummary summary = summary_of(event("finished", dump(to_json(correction))));
  EXPECT_FALSE(summary.plan);
  EXPECT_EQ(summary.reason, "page 17");
  EXPECT_EQ(summary.undo_of, "c-1");
  EXPECT_FALSE(summary.redo);
  EXPECT_EQ(summary.verdict, "rolled_back");
  EXPECT_EQ(summary.error, "vCPU 1 did not take it");
  EXPECT_EQ(summary.largest_jump->ticks, -9);
}

TEST(EventSummary, TheSmallestNumberIsTheLargestJump) {
  PlanRecord record = planned();
  record.plan.vcpus[1].jump_ticks = std::numeric_limits<std::int64_t>::min();
  record.plan.vcpus[1].jump_seconds = {};
  record.plan.vcpus[0].jump_ticks = std::numeric_limits<std::int64_t>::max();
  const EventSummary summary = summary_of(event("planned", dump(to_json(record))));
  EXPECT_EQ(summary.largest_jump->ticks, std::numeric_limits<std::int64_t>::min());
  EXPECT_FALSE(summary.largest_jump->seconds);
}

TEST(EventSummary, OfWhatIsNotUnderstoodSaysNothing) {
  for (const char* details :
       {"", "no json", "[]", "1", "null", R"({"plan":1,"goal":2,"reason":3,"error":"x"})",
        R"({"vcpus":[1,{"jump_ticks":"x"}],"objections":"x","goal":[],"redo":"true"})",
        R"({"plan":{"vcpus":{"a":1},"objections":[1,{}]},"reason":"","undo_of":null})"}) {
    const EventSummary summary = summary_of(event("finished", details));
    EXPECT_FALSE(summary.plan || summary.goal || summary.largest_jump || summary.reason ||
                 summary.undo_of || summary.redo || summary.verdict || summary.error)
        << details;
    EXPECT_TRUE(summary.objections.empty()) << details;
  }
}

}  // namespace
}  // namespace kvmtsc
