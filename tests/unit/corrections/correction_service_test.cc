#include "corrections/correction_service.h"

#include <memory>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "corrections/event_summary.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_journal.h"

namespace kvmtsc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

// Keeps offsets as KVM would, and misbehaves as a test says.
class FakeVm final : public OffsetWriter, public ClockSource {
 public:
  Result<ForeseenWrite> foresee(const AttachTarget& /*vm*/,
                                std::span<const VcpuId> /*vcpus*/) const override {
    return obstacle ? Result<ForeseenWrite>(*obstacle) : ForeseenWrite{timers};
  }
  std::string why_ignored(const AttachTarget& /*vm*/) const override { return known_to_ignore; }
  Result<WriteReport> write(const AttachTarget& /*vm*/, std::span<const WantedOffset> wanted,
                            MonotonicTime /*deadline*/) override {
    ++writes;
    if (error) {
      return *error;
    }
    WriteReport report;
    for (const WantedOffset& one : wanted) {
      if (one.expected != offsets[one.id]) {
        return Error{ErrorKind::kConflict, "changed", {}};
      }
    }
    for (const WantedOffset& one : wanted) {
      VcpuWrite write{one.id, one.offset, offsets[one.id], true, {}, {}, {}, milliseconds(1)};
      if (!ignores) {
        offsets[one.id] = one.offset;
      }
      write.read_back = offsets[one.id];
      write.after_rollback = ignores ? write.before : std::nullopt;
      rearmed.push_back(one.rearm);
      report.vcpus.push_back(write);
    }
    if (forgets_before) {
      report.vcpus.front().before.reset();
      report.outcome = WriteOutcome::kUncertain;
      return report;
    }
    report.outcome = ignores ? WriteOutcome::kRolledBack : WriteOutcome::kApplied;
    return report;
  }
  Result<ClockReading> read_clock(const AttachTarget& /*vm*/, MonotonicTime /*deadline*/) override {
    ClockReading reading;
    reading.triple.flags = master_clock ? 0xe : 0;
    return reading;
  }
  Result<VcpuFrequency> read_frequency(const AttachTarget& /*vm*/, VcpuId vcpu,
                                       MonotonicTime /*deadline*/) override {
    return VcpuFrequency{vcpu, 1'000'000, {}};
  }

  std::vector<std::int64_t> offsets{100, 100, 900};
  std::optional<Error> error;
  std::optional<Error> obstacle;  // that it foresees
  std::optional<Error> timers;    // likewise
  bool ignores = false;
  std::string known_to_ignore;
  bool forgets_before = false;  // and so cannot be sure
  bool master_clock = true;
  std::vector<bool> rearmed;  // of each write, whether that was asked for
  int writes = 0;
};

class CorrectionServiceTest : public testing::Test {
 protected:
  CorrectionServiceTest() { sweep(); }

  CorrectionOptions enabled() {
    CorrectionOptions options;
    options.enabled = true;
    return options;
  }
  CorrectionService::Parts parts() {
    CorrectionService::Parts parts;
    parts.writer = &vm_;
    parts.clocks = &vm_;
    parts.journal = &journal_;
    parts.clock = &clock_;
    parts.latest = [this] { return latest_; };
    parts.migrating = [this](const VmIdentity&) { return migrating_; };
    parts.wake = [this] { ++wakes_; };
    parts.wrote = [this](const VmKey& vm) { renewed_.push_back(vm); };
    return parts;
  }

  // A sweep that reads what the VM has now and finds it confirmed.
  void sweep() {
    clock_.advance(seconds(1));
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->sequence = ++sequence_;
    snapshot->host.clocksource = "tsc";
    if (!gone_) {
      VmState vm;
      vm.key = kKey;
      vm.label = "web";
      vm.identity.pid = 42;
      VmReading reading;
      for (const auto offset : vm_.offsets) {
        reading.vcpus.push_back({static_cast<VcpuId>(reading.vcpus.size()), offset, {}, {}});
      }
      reading.taken = clock_.monotonic();
      reading.trust = trust_;
      vm.skew = analyse_skew(reading.vcpus, 0, 0);
      vm.reading = reading;
      vm.frequency = Frequency{1e9, 0};
      if (source_fails_) {
        vm.reading.reset();
        vm.skew.reset();
        vm.error = Error{ErrorKind::kNotFound, "debugfs is not mounted", {}};
        vm.source_failed = true;
      }
      if (clock_seen_) {
        vm.clock = ClockTriple{};  // without the flags of a master clock
        vm.clock_taken = *clock_seen_;
      }
      snapshot->vms.push_back(vm);
    }
    latest_ = snapshot;
    service_->observe(*latest_);
  }
  Result<Correction> align(std::set<Objection> allowed = {}) {
    const auto planned = service_->plan(kKey, AlignGoal{}, kEngineer);
    if (!planned) {
      return planned.error();
    }
    return service_->request({planned->id, std::move(allowed), "page 17", kEngineer});
  }
  // Ends the service as kill -9 would and starts it anew with the same journal.
  void restart() {
    service_ = std::make_unique<CorrectionService>(limits_, parts());
    ASSERT_TRUE(service_->recover());
    sweep();
  }
  // One that was carried out and verified.
  Result<Correction> aligned() { return carried_out(align()); }
  Result<Correction> undo(const std::string& id) {
    return service_->undo(id, {Objection::kBackwards}, "", kEngineer);
  }
  Correction state_of(const Result<Correction>& correction) {
    return *service_->find(correction->id);
  }

  Result<Correction> carried_out(Result<Correction> accepted) {
    service_->run_queued();
    sweep();
    sweep();
    return accepted;
  }

  const VmKey kKey{7, 3, 1};
  const Requester kEngineer{"token:night", "127.0.0.1:5"};
  FakeClock clock_;
  FakeJournal journal_;
  FakeVm vm_;
  SnapshotPtr latest_;
  Trust trust_ = Trust::kTrusted;
  CorrectionOptions limits_ = enabled();
  std::optional<MonotonicTime> clock_seen_;  // when the sweeps' reading of the clock was made
  std::vector<VmKey> renewed_;
  bool migrating_ = false;
  bool gone_ = false;
  bool source_fails_ = false;  // and with it every VM is unread
  std::uint64_t sequence_ = 0;
  int wakes_ = 0;
  std::unique_ptr<CorrectionService> service_ =
      std::make_unique<CorrectionService>(enabled(), parts());
};

TEST_F(CorrectionServiceTest, PlansWritesVerifiesAndRecordsEveryStep) {
  const auto accepted = align();
  ASSERT_TRUE(accepted) << accepted.error().text();
  EXPECT_EQ(accepted->state, CorrectionState::kQueued);
  EXPECT_EQ(wakes_, 1);
  EXPECT_EQ(vm_.writes, 0);
  service_->run_queued();
  EXPECT_EQ(state_of(accepted).state, CorrectionState::kVerifying);
  EXPECT_THAT(vm_.offsets, ElementsAre(900, 900, 900));
  sweep();
  EXPECT_EQ(state_of(accepted).state, CorrectionState::kVerifying);
  sweep();
  const Correction done = state_of(accepted);
  EXPECT_EQ(done.verdict, Verdict::kCorrected);
  EXPECT_EQ(done.facts.read_back_equal, true);
  EXPECT_EQ(done.facts.offsets_equal, true);
  EXPECT_EQ(done.facts.master_clock, true);
  EXPECT_THAT(journal_.words(),
              ElementsAre("planned", "requested", "applying", "written", "finished"));
  EXPECT_EQ(journal_.all.back().who, "token:night");
  EXPECT_TRUE(journal_.rows.front().done);
  EXPECT_EQ(service_->counts().vms["web"].corrected, 1u);
  EXPECT_EQ(service_->counts().vms["web"].failed(), 0u);
  EXPECT_EQ(service_->counts().held.count, 3u);
}

TEST_F(CorrectionServiceTest, RefusesWhatThePlanObjectsToUnlessAllowed) {
  const auto planned = service_->plan(kKey, AlignGoal{AlignGoal::To::kReference}, kEngineer);
  const auto refused = service_->request({planned->id, {}, "", kEngineer});
  EXPECT_EQ(refused.error().kind, ErrorKind::kRefused);
  EXPECT_THAT(refused.error().message, HasSubstr("backwards"));
  EXPECT_EQ(journal_.words().back(), "refused");
  EXPECT_EQ(service_->counts().refused, 1u);
  EXPECT_TRUE(service_->request({planned->id, {Objection::kBackwards}, "", kEngineer}));
}

TEST_F(CorrectionServiceTest, ARefusalIsRecordedWithWhatWasAskedForAndWhy) {
  const auto planned = service_->plan(kKey, AlignGoal{AlignGoal::To::kReference}, kEngineer);
  ASSERT_FALSE(service_->request({planned->id, {}, "page 17", kEngineer}));
  const EventSummary refused = summary_of(journal_.all.back());
  EXPECT_EQ(refused.plan, planned->id);
  EXPECT_EQ(refused.reason, "page 17");
  ASSERT_TRUE(refused.largest_jump);
  EXPECT_EQ(refused.largest_jump->ticks, -800);
  EXPECT_THAT(refused.objections, ElementsAre("backwards"));
}

TEST_F(CorrectionServiceTest, EveryEventOfAnUndoSaysWhatItTakesBack) {
  const auto planned = service_->plan(kKey, AlignGoal{}, kEngineer);
  const auto made = service_->request({planned->id, {}, "", kEngineer});
  service_->run_queued();
  sweep();
  sweep();
  const auto undoing = [&](const std::string& id) {
    const std::size_t before = journal_.all.size();
    const auto undone = service_->undo(id, {Objection::kBackwards}, "wrong VM", kEngineer);
    EXPECT_TRUE(undone) << undone.error().text();
    service_->run_queued();
    sweep();
    sweep();
    EXPECT_EQ(journal_.all.size(), before + 5) << "planned, requested, applying, written, finished";
    for (std::size_t i = before; i < journal_.all.size(); ++i) {
      const EventSummary summary = summary_of(journal_.all[i]);
      EXPECT_EQ(summary.undo_of, id) << journal_.all[i].what;
      EXPECT_EQ(summary.redo, id != made->id) << journal_.all[i].what;
    }
    return undone->id;
  };
  const std::string undo = undoing(made->id);
  undoing(undo);
  ASSERT_FALSE(service_->undo(undo, {}, "again", kEngineer));
  EXPECT_EQ(summary_of(journal_.all.back()).undo_of, undo);
  EXPECT_EQ(summary_of(journal_.all.back()).reason, "again");
}

TEST_F(CorrectionServiceTest, APlanForeseesWhatItsExecutionWillRefuse) {
  vm_.obstacle = Error{ErrorKind::kRefused, "thread 7 is traced", "end that debugger"};
  const auto planned = service_->plan(kKey, AlignGoal{}, kEngineer);
  ASSERT_TRUE(planned);
  EXPECT_EQ(planned->plan.obstacle->message, "thread 7 is traced");
  const auto refused = service_->request({planned->id, {}, "", kEngineer});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().remedy, "end that debugger");
  vm_.obstacle.reset();
  EXPECT_TRUE(service_->request({planned->id, {}, "", kEngineer}));
}

TEST_F(CorrectionServiceTest, ForeseesAKvmThatIgnoresWritesAndTriesOnlyWhenToldTo) {
  vm_.ignores = true;
  vm_.known_to_ignore = "this host's KVM ignores offset writes";
  const auto refused = align();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "protected_tsc: this host's KVM ignores offset writes");
  const auto tried = align({Objection::kProtectedTsc});
  service_->run_queued();
  EXPECT_EQ(state_of(tried).verdict, Verdict::kNotApplied);
}

TEST_F(CorrectionServiceTest, AVmThatDoesNotHoldStillIsRefusedForThatAndNotForAStalePlan) {
  const auto planned = service_->plan(kKey, AlignGoal{}, kEngineer);
  vm_.offsets[2] += 5;
  trust_ = Trust::kChanging;
  sweep();
  const auto refused = service_->request({planned->id, {}, "", kEngineer});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kRefused);
  EXPECT_THAT(refused.error().message, HasSubstr("untrusted"));
  const auto allowed = service_->request({planned->id, {Objection::kUntrusted}, "", kEngineer});
  EXPECT_EQ(allowed.error().kind, ErrorKind::kConflict);
}

TEST_F(CorrectionServiceTest, APlanForeseesThatTimersWillBeLeft) {
  EXPECT_FALSE(service_->plan(kKey, AlignGoal{}, kEngineer)->plan.timers_left);
  vm_.timers = Error{ErrorKind::kRefused, "a filter", {}};
  const auto planned = service_->plan(kKey, AlignGoal{}, kEngineer);
  EXPECT_EQ(planned->plan.timers_left->message, "a filter");
  EXPECT_FALSE(planned->plan.obstacle);
  EXPECT_TRUE(service_->request({planned->id, {}, "", kEngineer}));
}

TEST_F(CorrectionServiceTest, TimersAreArmedAnewWhereTheStepIsLongAndByAnUndoAsWell) {
  vm_.offsets = {0, 0, 2'000'000};
  sweep();
  const auto done = aligned();
  ASSERT_EQ(state_of(done).verdict, Verdict::kCorrected);
  EXPECT_THAT(vm_.rearmed, ElementsAre(true, true, false));
  ASSERT_TRUE(undo(done->id));
  vm_.rearmed.clear();
  service_->run_queued();
  EXPECT_THAT(vm_.rearmed, ElementsAre(true, true, false));
}

TEST_F(CorrectionServiceTest, LooksAgainAtWhatSpeaksAgainstAPlan) {
  const auto planned = service_->plan(kKey, AlignGoal{}, kEngineer);
  migrating_ = true;
  EXPECT_THAT(service_->request({planned->id, {}, "", kEngineer}).error().message,
              HasSubstr("migrating"));
}

TEST_F(CorrectionServiceTest, RefusesAPlanWhoseOffsetsHaveChangedOrThatIsTooOld) {
  auto planned = service_->plan(kKey, AlignGoal{}, kEngineer);
  vm_.offsets[0] = 5;
  sweep();
  EXPECT_EQ(service_->request({planned->id, {}, "", kEngineer}).error().kind, ErrorKind::kConflict);
  planned = service_->plan(kKey, AlignGoal{}, kEngineer);
  clock_.advance(std::chrono::minutes(11));
  EXPECT_EQ(service_->request({planned->id, {}, "", kEngineer}).error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(service_->request({"p-none", {}, "", kEngineer}).error().kind, ErrorKind::kNotFound);
}

TEST_F(CorrectionServiceTest, WritesNothingOverOffsetsThatChangedAfterTheLastSweep) {
  const auto accepted = align();
  vm_.offsets[0] = 5;
  service_->run_queued();
  EXPECT_EQ(state_of(accepted).verdict, Verdict::kNotApplied);
  EXPECT_EQ(state_of(accepted).error->kind, ErrorKind::kConflict);
  EXPECT_EQ(vm_.offsets[0], 5);
}

TEST_F(CorrectionServiceTest, AnIgnoredWriteIsNotAppliedAndTheVmRemembered) {
  vm_.ignores = true;
  const auto accepted = align();
  service_->run_queued();
  EXPECT_EQ(state_of(accepted).verdict, Verdict::kNotApplied);
  EXPECT_EQ(state_of(accepted).facts.read_back_equal, false);
  sweep();
  EXPECT_THAT(align().error().message, HasSubstr("protected_tsc"));
  gone_ = true;
  sweep();
  gone_ = false;
  sweep();
  EXPECT_TRUE(align());
}

TEST_F(CorrectionServiceTest, OneAtATimeForAVm) {
  const auto first = align();
  EXPECT_EQ(align().error().kind, ErrorKind::kConflict);
  service_->run_queued();
  EXPECT_EQ(align({Objection::kWithinBound}).error().kind, ErrorKind::kConflict);
}

TEST_F(CorrectionServiceTest, LimitsHowManyAnHour) {
  vm_.error = Error{ErrorKind::kRefused, "seccomp", {}};
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(align());
    service_->run_queued();
  }
  EXPECT_EQ(align().error().kind, ErrorKind::kLimited);
  clock_.advance(std::chrono::hours(1));
  EXPECT_TRUE(align());
}

TEST_F(CorrectionServiceTest, OffMeansPlansOnly) {
  CorrectionService off({}, parts());
  const auto planned = off.plan(kKey, AlignGoal{}, kEngineer);
  ASSERT_TRUE(planned);
  EXPECT_EQ(off.request({planned->id, {}, "", kEngineer}).error().kind, ErrorKind::kPermission);
}

TEST_F(CorrectionServiceTest, WhereItsRecordMightNotFindRoomNothingIsBegun) {
  journal_.set_unwritable(Error{ErrorKind::kIo, "the disk is nearly full", "make room"});
  const auto refused = align();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().text(), "the disk is nearly full; make room");
  service_->run_queued();
  EXPECT_EQ(vm_.writes, 0);
  EXPECT_TRUE(journal_.rows.empty());
  journal_.set_unwritable({});
  EXPECT_TRUE(align());
}

TEST_F(CorrectionServiceTest, NothingIsWrittenThatCouldNotBeRecordedFirst) {
  for (const char* step : {"planned", "requested", "applying"}) {
    journal_.fails_at = step;
    const auto accepted = align();
    service_->run_queued();
    EXPECT_EQ(vm_.writes, 0) << step;
    if (accepted) {
      EXPECT_EQ(state_of(accepted).verdict, Verdict::kNotApplied);
      EXPECT_THAT(state_of(accepted).error->message, HasSubstr("full"));
    }
  }
  journal_.fails_at = "written";
  const auto accepted = align();
  service_->run_queued();
  EXPECT_EQ(vm_.writes, 1);
  EXPECT_THAT(state_of(accepted).error->message, HasSubstr("full"));
}

TEST_F(CorrectionServiceTest, UncertainWhenLaterReadingsDisagree) {
  const auto accepted = align();
  service_->run_queued();
  vm_.offsets[1] = 4;
  sweep();
  sweep();
  EXPECT_EQ(state_of(accepted).verdict, Verdict::kUncertain);
  EXPECT_EQ(state_of(accepted).facts.offsets_equal, false);
}

TEST_F(CorrectionServiceTest, WhatCannotBeListedForASweepIsNotForgotten) {
  vm_.ignores = true;
  ASSERT_TRUE(carried_out(align()));
  vm_.ignores = false;
  ASSERT_EQ(service_->counts().vms["web"].failed(), 1u);
  const auto accepted = align({Objection::kProtectedTsc});
  ASSERT_TRUE(accepted) << accepted.error().text();
  service_->run_queued();
  source_fails_ = true;
  sweep();
  EXPECT_EQ(state_of(accepted).state, CorrectionState::kVerifying);
  EXPECT_EQ(service_->counts().vms["web"].failed(), 1u);
  source_fails_ = false;
  sweep();
  sweep();
  EXPECT_EQ(state_of(accepted).verdict, Verdict::kCorrected);
  EXPECT_EQ(service_->counts().vms["web"].corrected, 1u);
  const auto again = service_->plan(kKey, AlignGoal{}, kEngineer);  // it is still remembered
  ASSERT_TRUE(again);
  EXPECT_TRUE(std::ranges::any_of(again->plan.objections, [](const ObjectionFound& found) {
    return found.objection == Objection::kProtectedTsc;
  }));
}

TEST_F(CorrectionServiceTest, UncertainWhenTheVmEnds) {
  const auto accepted = align();
  service_->run_queued();
  gone_ = true;
  sweep();
  EXPECT_EQ(state_of(accepted).verdict, Verdict::kUncertain);
  EXPECT_EQ(service_->counts().vms["web"].failed(), 1u);
  sweep();
  EXPECT_TRUE(service_->counts().vms.empty());
}

TEST_F(CorrectionServiceTest, AMasterClockThatStaysAwayIsAFactOfItsOwn) {
  vm_.master_clock = false;
  const auto accepted = align();
  service_->run_queued();
  for (int i = 0; i < 19; ++i) {
    sweep();
    EXPECT_EQ(state_of(accepted).state, CorrectionState::kVerifying);
  }
  sweep();
  EXPECT_EQ(state_of(accepted).verdict, Verdict::kCorrected);
  EXPECT_EQ(state_of(accepted).facts.master_clock, false);
}

TEST_F(CorrectionServiceTest, UndoesTheLastOneWhileNothingElseChanged) {
  const auto accepted = align();
  service_->run_queued();
  EXPECT_EQ(service_->undo(accepted->id, {}, "", kEngineer).error().kind, ErrorKind::kConflict);
  sweep();
  sweep();
  EXPECT_EQ(service_->undo(accepted->id, {}, "", kEngineer).error().kind, ErrorKind::kRefused);
  const auto undone = service_->undo(accepted->id, {Objection::kBackwards}, "", kEngineer);
  ASSERT_TRUE(undone) << undone.error().text();
  EXPECT_EQ(undone->undo_of, accepted->id);
  service_->run_queued();
  EXPECT_THAT(vm_.offsets, ElementsAre(100, 100, 900));
  for (int i = 0; i < 2; ++i) {
    sweep();
  }
  EXPECT_EQ(state_of(undone).verdict, Verdict::kCorrected);
  EXPECT_EQ(service_->undo(accepted->id, {Objection::kBackwards}, "", kEngineer).error().kind,
            ErrorKind::kConflict);
  EXPECT_EQ(service_->undo("c-none", {}, "", kEngineer).error().kind, ErrorKind::kNotFound);
}

TEST_F(CorrectionServiceTest, DoesNotUndoOverAChange) {
  const auto accepted = align();
  service_->run_queued();
  sweep();
  sweep();
  vm_.offsets[0] = 901;
  sweep();
  EXPECT_EQ(service_->undo(accepted->id, {Objection::kBackwards}, "", kEngineer).error().kind,
            ErrorKind::kConflict);
}

TEST_F(CorrectionServiceTest, ReportsWhatTheLastRunLeftHalfDone) {
  ASSERT_TRUE(align());
  CorrectionService next(enabled(), parts());
  ASSERT_TRUE(next.recover());
  EXPECT_EQ(journal_.words().back(), "interrupted");
  EXPECT_TRUE(journal_.rows.front().done);
  EXPECT_THAT(journal_.rows.front().json, HasSubstr("not_applied"));
  EXPECT_EQ(next.counts().interrupted, 1u);
}

TEST_F(CorrectionServiceTest, UndoesToWhatThePlanSawWhereTheWriterSawNothing) {
  vm_.forgets_before = true;
  const auto accepted = align();
  service_->run_queued();
  EXPECT_EQ(state_of(accepted).verdict, Verdict::kUncertain);
  vm_.forgets_before = false;
  sweep();
  ASSERT_TRUE(undo(accepted->id));
  service_->run_queued();
  EXPECT_THAT(vm_.offsets, ElementsAre(100, 100, 900));
}

TEST_F(CorrectionServiceTest, UndoesACorrectionOfAnEarlierRun) {
  const auto accepted = aligned();
  restart();
  const auto undone = undo(accepted->id);
  ASSERT_TRUE(undone) << undone.error().text();
  EXPECT_EQ(undone->undo_of, accepted->id);
  service_->run_queued();
  EXPECT_THAT(vm_.offsets, ElementsAre(100, 100, 900));
  sweep();
  sweep();
  // It does not stand any more, in this run and the next.
  EXPECT_THAT(undo(accepted->id).error().message, HasSubstr("was taken back by " + undone->id));
  restart();
  EXPECT_THAT(undo(accepted->id).error().message, HasSubstr("was taken back by " + undone->id));
  const auto redone = service_->undo(undone->id, {}, "", kEngineer);
  ASSERT_TRUE(redone);
  EXPECT_TRUE(redone->redo);
}

TEST_F(CorrectionServiceTest, UndoingGoesDownTheStack) {
  const auto first = aligned();  // 100 100 900 -> 900 900 900
  const auto plan = service_->plan(kKey, ShiftGoal{50, {}}, kEngineer);
  const auto second = carried_out(service_->request({plan->id, {}, "", kEngineer}));
  EXPECT_THAT(vm_.offsets, ElementsAre(950, 950, 950));
  EXPECT_THAT(*service_->standing("web"), UnorderedElementsAre(first->id, second->id));
  const auto back = carried_out(undo(second->id));
  EXPECT_FALSE(back->redo);
  EXPECT_THAT(*service_->standing("web"), ElementsAre(first->id));
  ASSERT_TRUE(carried_out(undo(first->id)));
  EXPECT_THAT(vm_.offsets, ElementsAre(100, 100, 900));
  EXPECT_TRUE(service_->standing("web")->empty());
}

TEST_F(CorrectionServiceTest, NothingStandsOfAVmThatHasEnded) {
  const auto first = aligned();
  auto without = std::make_shared<Snapshot>(*latest_);
  without->vms.clear();
  const SnapshotPtr with = std::exchange(latest_, without);
  EXPECT_TRUE(service_->standing("")->empty());
  without->collectors = {{"debugfs", false, {}, Error{ErrorKind::kIo, "cannot be read", {}}, true}};
  EXPECT_THAT(*service_->standing(""), ElementsAre(first->id));  // it may be there
  latest_ = with;
  EXPECT_THAT(*service_->standing(""), ElementsAre(first->id));
}

// Random corrections, undos and redos, with restarts between, against a list of offsets in the
// order in which they were reached: what an engineer's editor does.
TEST_F(CorrectionServiceTest, UndoAndRedoAreThoseOfAnEditor) {
  CorrectionOptions options = enabled();
  options.per_vm_per_hour = options.per_host_per_hour = 1000;
  limits_ = options;
  restart();
  std::mt19937 random(7);
  struct Step {
    std::string id;
    std::vector<std::int64_t> before;
  };
  std::vector<Step> done;
  std::vector<std::string> undos;  // the last run of them, the newest last
  const std::vector<std::int64_t> begin = vm_.offsets;
  for (int i = 0; i < 80; ++i) {
    if (random() % 10 == 0) {
      restart();
    }
    const auto choice = random() % 5;
    const std::vector<std::int64_t> before = vm_.offsets;
    if (choice < 2) {
      const auto plan = service_->plan(
          kKey, ShiftGoal{static_cast<std::int64_t>(1 + random() % 1000), {}}, kEngineer);
      ASSERT_TRUE(plan) << plan.error().text();
      const auto made = carried_out(service_->request({plan->id, {}, "", kEngineer}));
      ASSERT_TRUE(made) << made.error().text();
      done.push_back({made->id, before});
      undos.clear();
    } else if (choice < 4 && !done.empty()) {
      const auto made = carried_out(undo(done.back().id));
      ASSERT_TRUE(made) << made.error().text();
      EXPECT_FALSE(made->redo);
      EXPECT_EQ(vm_.offsets, done.back().before);
      done.pop_back();
      undos.push_back(made->id);
    } else if (choice == 4 && !undos.empty()) {
      const auto made = carried_out(undo(undos.back()));
      ASSERT_TRUE(made) << made.error().text();
      EXPECT_TRUE(made->redo);
      done.push_back({made->id, before});
      undos.pop_back();
    }
    std::set<std::string> wanted;
    for (const Step& step : done) {
      wanted.insert(step.id);
    }
    ASSERT_EQ(*service_->standing("web"), wanted) << i;
    if (done.size() > 1) {
      EXPECT_EQ(undo(done.front().id).error().kind, ErrorKind::kConflict);
    }
  }
  while (!done.empty()) {
    ASSERT_TRUE(carried_out(undo(done.back().id)));
    done.pop_back();
  }
  EXPECT_EQ(vm_.offsets, begin);
}

TEST_F(CorrectionServiceTest, NoLimitStandsInTheWayBack) {
  Result<Correction> last = align();
  service_->run_queued();
  sweep();
  sweep();
  for (int i = 1; i < 6; ++i) {
    const auto plan = service_->plan(kKey, ShiftGoal{1, {}}, kEngineer);
    last = carried_out(service_->request({plan->id, {}, "", kEngineer}));
    ASSERT_TRUE(last) << last.error().text();
  }
  const auto plan = service_->plan(kKey, ShiftGoal{1, {}}, kEngineer);
  EXPECT_EQ(service_->request({plan->id, {}, "", kEngineer}).error().kind, ErrorKind::kLimited);
  const auto undone = carried_out(undo(last->id));
  ASSERT_TRUE(undone) << undone.error().text();
  // Nor does it take the room of one that goes on, also after a restart.
  clock_.advance(std::chrono::minutes(59));
  restart();
  ASSERT_TRUE(carried_out(undo(undone->id)));
  clock_.advance(std::chrono::minutes(2));
  sweep();
  EXPECT_TRUE(align({Objection::kWithinBound}));
}

TEST_F(CorrectionServiceTest, WhatOnlyProtectsFromGoingOnDoesNotProtectFromGoingBack) {
  const auto plan = service_->plan(kKey, ShiftGoal{{}, seconds(5)}, kEngineer);
  EXPECT_EQ(service_->request({plan->id, {}, "", kEngineer}).error().kind, ErrorKind::kRefused);
  const auto large =
      carried_out(service_->request({plan->id, {Objection::kLargeStep}, "", kEngineer}));
  ASSERT_TRUE(large);
  // That the guest's time goes back is what the guest would notice: it is said, and asked for.
  const auto refused = service_->undo(large->id, {}, "", kEngineer);
  EXPECT_THAT(refused.error().message, testing::StartsWith("backwards: "));
  EXPECT_THAT(refused.error().message, testing::Not(HasSubstr("large_step")));
  migrating_ = true;
  EXPECT_THAT(undo(large->id).error().message, HasSubstr("migrating"));
  migrating_ = false;
  EXPECT_TRUE(carried_out(undo(large->id)));
}

TEST_F(CorrectionServiceTest, AReadingFromBeforeTheLastWriteCountsForNothing) {
  const auto first = align();
  service_->run_queued();
  const auto planned = service_->plan(kKey, AlignGoal{}, kEngineer);
  ASSERT_FALSE(planned);
  EXPECT_EQ(planned.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(planned.error().message, HasSubstr("not read again since its last correction"));
  EXPECT_TRUE(planned.error().retry_after);
  EXPECT_THAT(renewed_, ElementsAre(kKey));
  sweep();
  EXPECT_TRUE(service_->plan(kKey, AlignGoal{}, kEngineer));
}

TEST_F(CorrectionServiceTest, AMasterClockLostBeforeTheLastWriteIsNoReasonForAnother) {
  vm_.master_clock = false;
  clock_seen_ = clock_.monotonic();
  sweep();
  const auto first = align();
  vm_.master_clock = true;
  service_->run_queued();
  sweep();
  sweep();
  EXPECT_EQ(state_of(first).verdict, Verdict::kCorrected);
  const auto second = align();
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("every vCPU has this offset already"));
}

TEST_F(CorrectionServiceTest, WhetherTheMasterClockIsLostIsAskedAgainBeforeEqualOffsetsAreWritten) {
  vm_.offsets = {900, 900, 900};
  vm_.master_clock = false;
  clock_seen_ = clock_.monotonic();
  sweep();
  const auto back_by_itself = align();
  ASSERT_TRUE(back_by_itself) << back_by_itself.error().text();
  vm_.master_clock = true;
  service_->run_queued();
  EXPECT_EQ(vm_.writes, 0);
  EXPECT_EQ(state_of(back_by_itself).verdict, Verdict::kNotApplied);
  EXPECT_THAT(state_of(back_by_itself).error->message, HasSubstr("the master clock is in use"));

  vm_.master_clock = false;
  const auto lost = align();
  ASSERT_TRUE(lost) << lost.error().text();
  service_->run_queued();
  EXPECT_EQ(vm_.writes, 1);
}

TEST_F(CorrectionServiceTest, UndoesNothingOfAnEarlierRunOverAChange) {
  const auto accepted = aligned();
  restart();
  vm_.offsets[0] = 901;
  sweep();
  EXPECT_EQ(undo(accepted->id).error().kind, ErrorKind::kConflict);
  EXPECT_EQ(journal_.words().back(), "refused");
  EXPECT_EQ(journal_.all.back().vm, "web");
  EXPECT_EQ(undo("c-none").error().kind, ErrorKind::kNotFound);
  gone_ = true;
  sweep();
  EXPECT_EQ(undo(accepted->id).error().kind, ErrorKind::kGone);
}

TEST_F(CorrectionServiceTest, UndoesWhatWasInterruptedAlsoWhereItIsHalfDone) {
  const auto accepted = align();
  journal_.fails_at = "written";  // as if killed while it wrote
  service_->run_queued();
  journal_.fails_at = "";
  vm_.offsets[0] = 100;
  restart();
  EXPECT_EQ(journal_.words().back(), "interrupted");
  EXPECT_THAT(vm_.offsets, ElementsAre(100, 900, 900));
  const auto undone = undo(accepted->id);
  ASSERT_TRUE(undone) << undone.error().text();
  service_->run_queued();
  EXPECT_THAT(vm_.offsets, ElementsAre(100, 100, 900));
}

TEST_F(CorrectionServiceTest, DoesNotUndoWhatWasInterruptedOverAnythingElse) {
  const auto accepted = align();
  journal_.fails_at = "written";
  service_->run_queued();
  journal_.fails_at = "";
  vm_.offsets[0] = 101;
  restart();
  EXPECT_EQ(undo(accepted->id).error().kind, ErrorKind::kConflict);
}

TEST_F(CorrectionServiceTest, WhatWasInterruptedBeforeItBeganHasNothingToUndo) {
  const auto accepted = align();
  restart();
  EXPECT_THAT(undo(accepted->id).error().message, HasSubstr("changed nothing"));
}

TEST_F(CorrectionServiceTest, ARestartIsNoWayAroundTheLimits) {
  vm_.error = Error{ErrorKind::kRefused, "seccomp", {}};
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(align());
    service_->run_queued();
    clock_.advance(std::chrono::minutes(5));
  }
  // Nor is a step of the realtime clock, while the service runs.
  clock_.step_realtime(std::chrono::hours(3));
  EXPECT_EQ(align().error().retry_after, std::chrono::minutes(30));
  clock_.step_realtime(-std::chrono::hours(3));
  restart();
  const auto limited = align();
  EXPECT_EQ(limited.error().kind, ErrorKind::kLimited);
  EXPECT_EQ(limited.error().retry_after, std::chrono::minutes(30) - seconds(1));
  clock_.advance(*limited.error().retry_after);
  EXPECT_TRUE(align());
}

TEST_F(CorrectionServiceTest, OfManyAtOnceOneIsAccepted) {
  const auto planned = service_->plan(kKey, AlignGoal{}, kEngineer);
  std::atomic<int> accepted{0};
  std::vector<std::thread> engineers;
  for (int i = 0; i < 8; ++i) {
    engineers.emplace_back([&] {
      accepted += service_->request({planned->id, {}, "", kEngineer}).ok() ? 1 : 0;
    });
  }
  for (std::thread& engineer : engineers) {
    engineer.join();
  }
  EXPECT_EQ(accepted, 1);
}

}  // namespace
}  // namespace kvmtsc
