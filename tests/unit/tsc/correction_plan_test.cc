#include "tsc/correction_plan.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tsc/plan_objections.h"

namespace kvmtsc {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

// A VM that nothing speaks against: confirmed, trusted, 1 GHz, on a stable host.
VmState vm_with(const std::vector<std::int64_t>& offsets) {
  VmState vm;
  vm.key = {7, 3, 1};
  vm.label = "web";
  VmReading reading;
  for (const auto offset : offsets) {
    reading.vcpus.push_back({static_cast<VcpuId>(reading.vcpus.size()), offset, {}, {}});
  }
  vm.skew = analyse_skew(reading.vcpus, 0, 0);
  vm.reading = reading;
  vm.frequency = Frequency{1e9, 10};
  return vm;
}

Result<CorrectionPlan> plan(const VmState& vm, const CorrectionGoal& goal,
                            const PlanConditions& conditions = {}) {
  return plan_correction(vm, 5, conditions, goal);
}

std::vector<std::int64_t> then_of(const Result<CorrectionPlan>& planned) {
  std::vector<std::int64_t> all;
  for (const PlannedVcpu& vcpu : planned->vcpus) {
    all.push_back(vcpu.then);
  }
  return all;
}

std::vector<std::string> objections(const Result<CorrectionPlan>& planned) {
  std::vector<std::string> names;
  for (const ObjectionFound& found : planned->objections) {
    EXPECT_FALSE(found.detail.empty());
    names.emplace_back(objection_name(found.objection));
  }
  return names;
}

TEST(CorrectionPlan, AlignsToTheMostAdvancedVcpuSoThatNoneGoesBack) {
  const auto planned = plan(vm_with({100, 100, 900, 100}), AlignGoal{});
  ASSERT_TRUE(planned);
  EXPECT_THAT(then_of(planned), ElementsAre(900, 900, 900, 900));
  EXPECT_EQ(planned->vcpus[0].jump_ticks, 800);
  EXPECT_DOUBLE_EQ(*planned->vcpus[0].jump_seconds, 800e-9);
  EXPECT_EQ(planned->vcpus[2].jump_ticks, 0);
  EXPECT_THAT(objections(planned), IsEmpty());
  EXPECT_EQ(planned->sequence, 5u);
}

TEST(CorrectionPlan, AlignsToTheReferenceOnRequest) {
  const auto planned = plan(vm_with({100, 100, 900}), AlignGoal{AlignGoal::To::kReference});
  EXPECT_THAT(then_of(planned), ElementsAre(100, 100, 100));
  EXPECT_THAT(objections(planned), ElementsAre("backwards"));
}

TEST(CorrectionPlan, TheMostAdvancedIsSoModulo64Bits) {
  // kMin is one tick ahead of kMax.
  const auto planned = plan(vm_with({kMax, kMin, kMax}), AlignGoal{});
  EXPECT_THAT(then_of(planned), ElementsAre(kMin, kMin, kMin));
  EXPECT_EQ(planned->vcpus[0].jump_ticks, 1);
  EXPECT_THAT(objections(planned), IsEmpty());
}

TEST(CorrectionPlan, SetsOneVcpuOrAllAndNamesTheRest) {
  EXPECT_THAT(then_of(plan(vm_with({1, 2, 3}), SetGoal{1, 50})), ElementsAre(1, 50, 3));
  EXPECT_THAT(then_of(plan(vm_with({1, 2, 3}), SetGoal{{}, 50})), ElementsAre(50, 50, 50));
  EXPECT_EQ(plan(vm_with({1, 2}), SetGoal{9, 50}).error().kind, ErrorKind::kNotFound);
}

TEST(CorrectionPlan, ShiftsByTicksModulo64Bits) {
  EXPECT_THAT(then_of(plan(vm_with({kMax, 0}), ShiftGoal{1, {}})), ElementsAre(kMin, 1));
  EXPECT_THAT(objections(plan(vm_with({0, 0}), ShiftGoal{kMin, {}})),
              ElementsAre("backwards", "large_step"));
}

TEST(CorrectionPlan, ShiftsByTimeToTheNearestTickHalvesAwayFromZero) {
  VmState vm = vm_with({0});
  vm.frequency = Frequency{2'500'000'000, 0};
  const auto ticks = [&](std::int64_t ns) {
    return plan(vm, ShiftGoal{{}, Nanoseconds(ns)})->vcpus[0].jump_ticks;
  };
  EXPECT_EQ(ticks(2), 5);
  EXPECT_EQ(ticks(1), 3);
  EXPECT_EQ(ticks(-1), -3);
  EXPECT_EQ(ticks(3'600'000'000'000), 9'000'000'000'000);  // an hour overflows 64 bits on the way
  EXPECT_EQ(plan(vm, ShiftGoal{{}, Nanoseconds(kMax)}).error().kind, ErrorKind::kInvalid);
  vm.frequency = Frequency{2'596'132'173.364, 0.001};
  EXPECT_EQ(ticks(1'000'000'000'000), 2'596'132'173'364);  // 364 ticks are far outside the bound
}

TEST(CorrectionPlan, AShiftIsOneOfTwoAndNeedsAFrequencyForTime) {
  EXPECT_EQ(plan(vm_with({0}), ShiftGoal{}).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(plan(vm_with({0}), ShiftGoal{1, Nanoseconds(1)}).error().kind, ErrorKind::kInvalid);
  VmState vm = vm_with({0});
  vm.frequency.reset();
  EXPECT_EQ(plan(vm, ShiftGoal{{}, Nanoseconds(1)}).error().kind, ErrorKind::kRefused);
  EXPECT_THAT(objections(plan(vm, ShiftGoal{1, {}})), ElementsAre("large_step"));
}

TEST(CorrectionPlan, ARestoreNamesEveryVcpuOnce) {
  const VmState vm = vm_with({10, 20});
  EXPECT_THAT(then_of(plan(vm, RestoreGoal{{{0, 11}, {1, 25}}, 0})), ElementsAre(11, 25));
  EXPECT_EQ(plan(vm, RestoreGoal{{{0, 11}}, 0}).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(plan(vm, RestoreGoal{{{0, 1}, {0, 1}, {1, 1}}, 0}).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(plan(vm, RestoreGoal{{{0, 1}, {2, 1}}, 0}).error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(objections(plan(vm, RestoreGoal{{{0, 12}, {1, 22}}, 5})),
              ElementsAre("within_bound"));
  EXPECT_EQ(plan(vm, RestoreGoal{{{0, 12}, {1, 22}}, 5})->bound_ticks, 5u);
}

TEST(CorrectionPlan, RewritingEqualOffsetsIsTheCureOfALostMasterClockOnly) {
  VmState vm = vm_with({5, 5});
  EXPECT_THAT(objections(plan(vm, AlignGoal{})), ElementsAre("within_bound"));
  vm.clock = ClockTriple{};
  EXPECT_THAT(objections(plan(vm, AlignGoal{})), IsEmpty());
  vm.clock->flags = ClockTriple::kTscStable;
  EXPECT_THAT(objections(plan(vm, AlignGoal{})), ElementsAre("within_bound"));
}

TEST(CorrectionPlan, ObjectsToLargeSteps) {
  PlanConditions conditions;
  conditions.max_step = std::chrono::milliseconds(1);
  EXPECT_THAT(objections(plan(vm_with({0}), ShiftGoal{1'000'000, {}}, conditions)), IsEmpty());
  EXPECT_THAT(objections(plan(vm_with({0}), ShiftGoal{1'000'001, {}}, conditions)),
              ElementsAre("large_step"));
}

TEST(CorrectionPlan, ObjectsToWhatCannotBeTrusted) {
  VmState vm = vm_with({0, 9});
  vm.reading->trust = Trust::kNested;
  EXPECT_THAT(objections(plan(vm, AlignGoal{})), ElementsAre("untrusted"));
  vm = vm_with({0, 9});
  vm.reading->trust = Trust::kChanging;
  vm.trust_reason = "every vCPU's offset moves";
  EXPECT_EQ(plan(vm, AlignGoal{})->objections.at(0).detail, vm.trust_reason);
  vm = vm_with({0, 9});
  vm.skew.reset();
  EXPECT_THAT(objections(plan(vm, AlignGoal{})), ElementsAre("untrusted"));
  vm = vm_with({0, 9});
  vm.reading->unreadable.push_back({2, {}});
  EXPECT_THAT(objections(plan(vm, AlignGoal{})), ElementsAre("untrusted"));
  vm = vm_with({0, 9});
  vm.reading->vcpus[1].offset = 10;  // awaits its confirmation
  EXPECT_THAT(objections(plan(vm, AlignGoal{})), ElementsAre("untrusted"));
  vm.reading.reset();
  EXPECT_EQ(plan(vm, AlignGoal{}).error().kind, ErrorKind::kRefused);
}

TEST(CorrectionPlan, OffsetsThatDoNotHoldStillAreRefusedWithTheirOwnReason) {
  auto vm = vm_with({100, 200});
  vm.reading->trust = Trust::kChanging;
  vm.trust_reason = "KVM lets them catch up";
  const auto planned = plan(vm, AlignGoal{});
  ASSERT_THAT(objections(planned), ElementsAre("untrusted"));
  EXPECT_EQ(planned->objections[0].detail, vm.trust_reason);
}

TEST(CorrectionPlan, ObjectsToWhatTheHostAndTheVmAreIn) {
  PlanConditions conditions;
  conditions.writes_ignored = "KVM ignored one";
  conditions.migrating = true;
  VmState vm = vm_with({0, 9});
  vm.reading->trust = Trust::kUnstableHostTsc;
  const auto planned = plan(vm, AlignGoal{}, conditions);
  EXPECT_THAT(objections(planned), ElementsAre("unstable_host_tsc", "protected_tsc", "migrating"));
  EXPECT_EQ(standing_objections(*planned, {Objection::kMigrating}).size(), 2u);
}

TEST(CorrectionPlan, AlignsUnequalRatiosAtOneHostTscAndSaysSo) {
  VmState vm = vm_with({0, 0});
  vm.reading->vcpus[1].ratio = {3, 1};  // 1.5
  vm.reading->host_tsc_before = vm.reading->host_tsc_after = 1000;
  vm.skew = analyse_skew(vm.reading->vcpus, 1000, 1000);
  const auto planned = plan(vm, AlignGoal{});
  EXPECT_THAT(then_of(planned), ElementsAre(500, 0));
  EXPECT_THAT(objections(planned), ElementsAre("unequal_ratios"));
  EXPECT_GT(planned->bound_ticks, 0u);
}

TEST(CorrectionPlan, ObjectionsHaveNamesBothWays) {
  for (const Objection objection :
       {Objection::kBackwards, Objection::kLargeStep, Objection::kWithinBound,
        Objection::kUntrusted, Objection::kUnstableHostTsc, Objection::kProtectedTsc,
        Objection::kMigrating, Objection::kUnequalRatios}) {
    EXPECT_EQ(parse_objection(objection_name(objection)), objection);
  }
  EXPECT_FALSE(parse_objection("nonsense"));
}

}  // namespace
}  // namespace kvmtsc
