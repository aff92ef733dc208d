#include "exporter/logged_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "corrections/correction_json.h"
#include "corrections/journal_entries.h"
#include "tests/fakes/fake_journal.h"

namespace kvmtsc {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string line_of(const JournalEvent& event) {
  return log::format_line(log::Format::kLogfmt, 0, log::Level::kInfo, event.what, fields_of(event));
}

PlanRecord plan_of(unsigned vcpus) {
  PlanRecord record;
  record.id = "p-1";
  record.vm = {"web", "5f0a3c1e-7b64-4a3f-9f5e-0c7b2d9e4a11", 42};
  record.plan.goal = AlignGoal{};
  for (unsigned id = 0; id < vcpus; ++id) {
    record.plan.vcpus.push_back(
        {id, -819'000'512'120'999, -819'000'503'120'999, 9'000'000, 0.00346});
  }
  record.plan.objections = {{Objection::kLargeStep, "it is large"},
                            {Objection::kUntrusted, "torn"}};
  return record;
}

const Requester kEngineer{"token:night", "unix"};

TEST(LoggedJournal, APlanIsALineThatCanBeReadHoweverManyVcpusItHas) {
  const PlanRecord plan = plan_of(200);
  const JournalEvent event =
      event_of("planned", plan.vm, kEngineer, dump(to_json(plan)), RealTime{});
  ASSERT_GT(event.details.size(), 10'000u);
  EXPECT_EQ(line_of(event),
            "ts=1970-01-01T00:00:00.000Z level=info msg=\"planned\" vm=\"web\" who=\"token:night\" "
            "from=\"unix\" plan=\"p-1\" goal=\"align\" largest_jump=\"+9000000 ticks (+3.46 ms)\" "
            "objections=\"large_step,untrusted\"");
}

TEST(LoggedJournal, EveryStepOfAnUndoSaysWhyAndWhatItTakesBack) {
  Correction correction;
  correction.id = "c-2";
  correction.vm = plan_of(0).vm;
  correction.plan = plan_of(200).plan;
  correction.requester = kEngineer;
  correction.reason = "page 17";
  correction.undo_of = "c-1";
  finish(correction, Verdict::kUncertain, RealTime{});
  correction.error = Error{ErrorKind::kIo, "it ended in the middle", {}};
  const std::string line = line_of(event_of("finished", correction, RealTime{}));
  EXPECT_LT(line.size(), 400u);
  for (const char* part : {"correction=\"c-2\"", "undo_of=\"c-1\"", "reason=\"page 17\"",
                           "verdict=\"uncertain\"", "error=\"it ended in the middle\""}) {
    EXPECT_THAT(line, HasSubstr(part));
  }
  correction.redo = true;
  EXPECT_THAT(line_of(event_of("finished", correction, RealTime{})), HasSubstr("redo_of=\"c-1\""));
}

TEST(LoggedJournal, SaysNothingOfWhatIsNotKnown) {
  JournalEvent event;
  event.what = "refused";
  event.vm = "web";
  event.details = "no json";
  EXPECT_THAT(line_of(event), Not(HasSubstr("largest_jump")));
  EXPECT_THAT(line_of(event), Not(HasSubstr("correction=")));
}

TEST(LoggedJournal, CountsWhatCouldNotBeRecorded) {
  auto inner = std::make_unique<FakeJournal>();
  FakeJournal& fake = *inner;
  LoggedJournal journal(std::move(inner));
  JournalEvent event;
  event.what = "planned";
  ASSERT_TRUE(journal.record(event, {}));
  EXPECT_EQ(journal.failures(), 0u);
  fake.fails_at = "planned";
  ASSERT_FALSE(journal.record(event, {}));
  ASSERT_FALSE(journal.record(event, {}));
  EXPECT_EQ(journal.failures(), 2u);
  fake.fails_at = "";
  ASSERT_TRUE(journal.record(event, {}));
  EXPECT_EQ(journal.failures(), 2u);
}

TEST(LoggedJournal, KnowsWhetherItCanBeWritten) {
  auto inner = std::make_unique<FakeJournal>();
  FakeJournal& fake = *inner;
  LoggedJournal journal(std::move(inner));
  EXPECT_FALSE(journal.state());
  EXPECT_TRUE(journal.writable());
  EXPECT_TRUE(journal.state()->ok());
  fake.set_unwritable(Error{ErrorKind::kIo, "the disk is full", "make room"});
  EXPECT_FALSE(journal.writable());
  EXPECT_EQ(journal.state()->error().text(), "the disk is full; make room");
  fake.set_unwritable({});
  EXPECT_TRUE(journal.writable());
  EXPECT_TRUE(journal.state()->ok());
}

TEST(LoggedJournal, OneEventThatCouldNotBeRecordedTellsUntilItIsLookedAtAgain) {
  auto inner = std::make_unique<FakeJournal>();
  inner->fails_at = "planned";
  LoggedJournal journal(std::move(inner));
  JournalEvent event;
  event.what = "planned";
  EXPECT_FALSE(journal.record(event, {}));
  EXPECT_EQ(journal.state()->error().message, "the journal is full");
  event.what = "refused";  // a small one finds room
  EXPECT_TRUE(journal.record(event, {}));
  EXPECT_FALSE(journal.state()->ok());
  EXPECT_TRUE(journal.writable());
  EXPECT_TRUE(journal.state()->ok());
}

}  // namespace
}  // namespace kvmtsc
