#include "corrections/planner.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace kvmtsc {
namespace {

constexpr VmKey kWeb{7, 3, 1};

class PlannerTest : public testing::Test {
 protected:
  PlannerTest() { sweep({100, 900}); }

  void sweep(const std::vector<std::int64_t>& offsets) {
    auto snapshot = std::make_shared<Snapshot>();
    snapshot->host.clocksource = "tsc";
    VmState vm;
    vm.key = kWeb;
    vm.label = "web";
    vm.identity.uuid = "uuid";
    VmReading reading;
    for (const auto offset : offsets) {
      reading.vcpus.push_back({static_cast<VcpuId>(reading.vcpus.size()), offset, {}, {}});
    }
    vm.skew = analyse_skew(reading.vcpus, 0, 0);
    vm.reading = reading;
    vm.frequency = Frequency{1e9, 0};
    snapshot->vms.push_back(vm);
    latest_ = snapshot;
  }
  bool objects_to(const Result<PlanRecord>& planned, Objection objection) {
    return std::ranges::find(planned->plan.objections, objection, &ObjectionFound::objection) !=
           planned->plan.objections.end();
  }

  FakeClock clock_;
  SnapshotPtr latest_;
  bool migrating_ = false;
  Planner planner_{
      std::chrono::seconds(1),
      std::chrono::minutes(10),
      {&clock_, [this] { return latest_; }, [this](const VmIdentity&) { return migrating_; }}};
};

TEST_F(PlannerTest, PlansFromTheNewestSnapshot) {
  const auto planned = planner_.make(kWeb, AlignGoal{});
  ASSERT_TRUE(planned);
  EXPECT_EQ(planned->vm.label, "web");
  EXPECT_EQ(planned->made, clock_.monotonic());
  EXPECT_EQ(planned->plan.vcpus[0].then, 900);
  EXPECT_NE(planned->id, planner_.make(kWeb, AlignGoal{})->id);
  EXPECT_EQ(planner_.make({8, 3, 1}, AlignGoal{}).error().kind, ErrorKind::kGone);
  latest_ = nullptr;
  EXPECT_EQ(planner_.make(kWeb, AlignGoal{}).error().kind, ErrorKind::kGone);
}

TEST_F(PlannerTest, APlanIsLookedAtAnewBeforeItIsCarriedOut) {
  const auto planned = planner_.make(kWeb, AlignGoal{});
  EXPECT_TRUE(planner_.check(*planned, {}));
  migrating_ = true;
  EXPECT_EQ(planner_.check(*planned, {}).error().kind, ErrorKind::kRefused);
  EXPECT_TRUE(planner_.check(*planned, {Objection::kMigrating}));
  migrating_ = false;
  sweep({101, 900});
  EXPECT_EQ(planner_.check(*planned, {}).error().kind, ErrorKind::kConflict);
  sweep({100});  // a vCPU that vanished
  EXPECT_EQ(planner_.check(*planned, {}).error().kind, ErrorKind::kConflict);
  latest_ = std::make_shared<Snapshot>();
  EXPECT_EQ(planner_.check(*planned, {}).error().kind, ErrorKind::kGone);
}

TEST_F(PlannerTest, NothingThatIsAllowedTakesATscBelow0) {
  const std::set<Objection> all(kEveryObjection.begin(), kEveryObjection.end());
  const auto to_zero = planner_.make(kWeb, ShiftGoal{-100, {}});
  EXPECT_FALSE(to_zero->plan.obstacle);
  EXPECT_TRUE(planner_.check(*to_zero, all));
  const auto below = planner_.make(kWeb, ShiftGoal{-101, {}});
  EXPECT_TRUE(below->plan.obstacle);
  const auto refused = planner_.check(*below, all);
  EXPECT_EQ(refused.error().kind, ErrorKind::kRefused);
  EXPECT_EQ(refused.error().message, below->plan.obstacle->message);
}

TEST_F(PlannerTest, RemembersWhoseWritesAreIgnoredWhileTheVmLives) {
  EXPECT_FALSE(objects_to(planner_.make(kWeb, AlignGoal{}), Objection::kProtectedTsc));
  planner_.remember_protected(kWeb);
  planner_.forget_gone(*latest_);
  EXPECT_TRUE(objects_to(planner_.make(kWeb, AlignGoal{}), Objection::kProtectedTsc));
  planner_.forget_gone({});
  EXPECT_FALSE(objects_to(planner_.make(kWeb, AlignGoal{}), Objection::kProtectedTsc));
}

}  // namespace
}  // namespace kvmtsc
