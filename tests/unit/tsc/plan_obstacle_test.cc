#include "tsc/plan_obstacle.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kHostTsc = 5'000;

// Of a host whose TSC was `kHostTsc` when the reading began, at 1 GHz.
VmState vm_with(const std::vector<VcpuReading>& vcpus) {
  VmState vm;
  vm.label = "web";
  vm.reading.emplace();
  vm.reading->vcpus = vcpus;
  vm.reading->host_tsc_before = kHostTsc;
  vm.reading->host_tsc_after = kHostTsc + 100;
  vm.skew = analyse_skew(vcpus, kHostTsc, kHostTsc + 100);
  vm.frequency = Frequency{1e9, 10};
  return vm;
}

VmState vm_at(std::uint64_t guest_tsc) {
  return vm_with({{0, static_cast<std::int64_t>(guest_tsc - kHostTsc), {}, {}}});
}

std::optional<Error> obstacle(const VmState& vm, const CorrectionGoal& goal) {
  return plan_correction(vm, 5, {}, goal)->obstacle;
}

TEST(PlanObstacle, AGuestsTscMayGoBackTo0AndNotBelow) {
  EXPECT_FALSE(obstacle(vm_at(1'000), ShiftGoal{-1'000, {}}));
  const auto found = obstacle(vm_at(1'000), ShiftGoal{-1'001, {}});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->kind, ErrorKind::kRefused);
  EXPECT_THAT(found->message, HasSubstr("vCPU 0's TSC stands at 1000 ticks (1 us) and would go 1 "
                                        "ticks (1 ns) below 0"));
}

TEST(PlanObstacle, TheGuestsTscCountsAndNotItsOffset) {
  // Each offset is far below 0 after this; the guests' TSCs are not.
  EXPECT_FALSE(obstacle(vm_at(10), ShiftGoal{-10, {}}));
  EXPECT_TRUE(obstacle(vm_at(10), SetGoal{{}, -5'001}));
  EXPECT_FALSE(obstacle(vm_at(10), SetGoal{{}, -5'000}));
}

TEST(PlanObstacle, AtEveryVcpu) {
  const VmState vm = vm_with({{0, 0, {}, {}}, {7, -4'900, {}, {}}});
  EXPECT_FALSE(obstacle(vm, ShiftGoal{-100, {}}));
  EXPECT_THAT(obstacle(vm, ShiftGoal{-101, {}})->message, HasSubstr("vCPU 7's TSC"));
  EXPECT_FALSE(obstacle(vm, SetGoal{0, -5'000}));
}

TEST(PlanObstacle, TheHostsTscCountsScaled) {
  // Half the host's rate: 2500 ticks.
  const VmState vm = vm_with({{0, 0, {1, 1}, {}}});
  EXPECT_FALSE(obstacle(vm, ShiftGoal{-2'500, {}}));
  EXPECT_TRUE(obstacle(vm, ShiftGoal{-2'501, {}}));
}

TEST(PlanObstacle, ATscThatIsBelow0AlreadyMayBeBroughtBack) {
  const VmState vm = vm_at(static_cast<std::uint64_t>(-200));
  EXPECT_FALSE(obstacle(vm, ShiftGoal{300, {}}));
  EXPECT_FALSE(obstacle(vm, ShiftGoal{100, {}}));
}

TEST(PlanObstacle, WithTheLargestStepsThereAre) {
  EXPECT_FALSE(obstacle(vm_at(1'000), ShiftGoal{kMax, {}}));
  EXPECT_TRUE(obstacle(vm_at(1'000), ShiftGoal{kMin, {}}));
  EXPECT_FALSE(obstacle(vm_at(std::uint64_t{1} << 63), ShiftGoal{kMin, {}}));
  EXPECT_TRUE(obstacle(vm_at((std::uint64_t{1} << 63) - 1), ShiftGoal{kMin, {}}));
}

TEST(PlanObstacle, ItsWordsDoWithoutAFrequency) {
  VmState vm = vm_at(1'000);
  vm.frequency.reset();
  EXPECT_THAT(obstacle(vm, ShiftGoal{-1'001, {}})->message,
              HasSubstr("stands at 1000 ticks and would go 1 ticks below 0"));
}

}  // namespace
}  // namespace kvmtsc
