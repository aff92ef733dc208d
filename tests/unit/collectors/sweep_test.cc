#include "collectors/sweep.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_source.h"

namespace kvmtsc {
namespace {

using std::chrono::seconds;

class SweepTest : public testing::Test {
 protected:
  // The next regular sweep.
  SnapshotPtr sweep() {
    clock_.advance(seconds(5));
    last_ = sweep_.run();
    return last_;
  }
  const VmState* vm(const std::string& label) const {
    for (const VmState& state : last_->vms) {
      if (state.label == label) {
        return &state;
      }
    }
    return nullptr;
  }
  std::uint64_t steps(const std::string& label, VcpuId id) const {
    for (const VcpuSteps& vcpu : vm(label)->steps) {
      if (vcpu.id == id) {
        return vcpu.count;
      }
    }
    ADD_FAILURE() << "no vCPU " << id;
    return 0;
  }
  const CollectorStatus& collector(const std::string& name) const {
    for (const CollectorStatus& status : last_->collectors) {
      if (status.name == name) {
        return status;
      }
    }
    ADD_FAILURE() << "no collector " << name;
    return last_->collectors.front();
  }

  FakeClock clock_;
  FakeHostClock host_;
  FakeSource source_{clock_};
  Sweep sweep_{SweepOptions{}, clock_, host_, {&source_}};
  SnapshotPtr last_;
};

TEST_F(SweepTest, ShowsAVmAtOnceAndItsSkewOnceConfirmed) {
  source_.add(10, "web", {-100, -100, 200});
  sweep();
  ASSERT_NE(vm("web"), nullptr);
  EXPECT_EQ(vm("web")->reading->vcpus.size(), 3u);
  EXPECT_EQ(vm("web")->source, "fake");
  EXPECT_FALSE(vm("web")->skew);
  sweep();
  ASSERT_TRUE(vm("web")->skew);
  EXPECT_EQ(vm("web")->skew->spread_ticks, 300u);
  EXPECT_EQ(vm("web")->frequency->hertz, 3e9);
  EXPECT_EQ(last_->sequence, 2u);
}

TEST_F(SweepTest, SweepsInABurstConfirmNothing) {
  source_.add(10, "web", {1, 2});
  sweep();
  for (int i = 0; i < 10; ++i) {
    clock_.advance(std::chrono::milliseconds(200));
    last_ = sweep_.run();
    EXPECT_FALSE(vm("web")->skew);
  }
  clock_.advance(std::chrono::milliseconds(500));
  last_ = sweep_.run();
  EXPECT_TRUE(vm("web")->skew);
}

TEST_F(SweepTest, CountsAStepOnce) {
  const VmKey key = source_.add(10, "web", {1, 1});
  sweep();
  sweep();
  source_.vcpus[key][1].offset = 50;
  sweep();
  EXPECT_EQ(steps("web", 1), 1u);
  EXPECT_EQ(vm("web")->skew->spread_ticks, 0u);
  EXPECT_EQ(vm("web")->reading->vcpus[1].offset, 50);
  sweep();
  sweep();
  EXPECT_EQ(steps("web", 0), 0u);
  EXPECT_EQ(steps("web", 1), 1u);
  EXPECT_EQ(vm("web")->skew->spread_ticks, 49u);
}

TEST_F(SweepTest, OneVmsTroubleStaysItsOwn) {
  const VmKey bad = source_.add(10, "bad", {1});
  source_.add(11, "good", {1});
  source_.read_errors[bad] = Error{ErrorKind::kInvalid, "garbage", {}};
  sweep();
  sweep();
  EXPECT_FALSE(vm("bad")->reading);
  EXPECT_EQ(vm("bad")->error->message, "garbage");
  EXPECT_EQ(vm("bad")->read_errors, 2u);
  EXPECT_TRUE(vm("good")->skew);
  EXPECT_TRUE(collector("fake").success);
}

TEST_F(SweepTest, AVmThatIsGoneLeavesNothing) {
  const VmKey key = source_.add(10, "web", {1});
  sweep();
  source_.read_errors[key] = Error{ErrorKind::kGone, "ended", {}};  // ended while being read
  sweep();
  EXPECT_EQ(vm("web"), nullptr);
  source_.found.clear();
  source_.read_errors.clear();
  sweep();
  EXPECT_TRUE(last_->vms.empty());
}

TEST_F(SweepTest, ANewVmOfAnOldNameStartsAnew) {
  const VmKey first = source_.add(10, "web", {1, 1});
  sweep();
  sweep();
  source_.vcpus[first][1].offset = 2;
  sweep();
  sweep();
  EXPECT_EQ(steps("web", 1), 1u);
  source_.found.clear();
  source_.add(11, "web", {1, 1});
  sweep();
  EXPECT_EQ(steps("web", 1), 0u);
  EXPECT_FALSE(vm("web")->skew);
}

TEST_F(SweepTest, NoDataIsNotTheSameAsNoVms) {
  source_.add(10, "web", {1});
  sweep();
  source_.list_error = Error{ErrorKind::kNotFound, "debugfs is not mounted", "mount it"};
  sweep();
  ASSERT_NE(vm("web"), nullptr);  // whether it has ended nobody knows
  EXPECT_TRUE(vm("web")->source_failed);
  EXPECT_EQ(vm("web")->error->remedy, "mount it");
  EXPECT_FALSE(vm("web")->reading);
  EXPECT_FALSE(collector("fake").success);
  EXPECT_EQ(collector("fake").error->remedy, "mount it");
  EXPECT_EQ(vms_known(*last_), VmsKnown::kNone);
  source_.list_error.reset();
  sweep();
  EXPECT_EQ(vms_known(*last_), VmsKnown::kAll);
}

TEST_F(SweepTest, LabelsAndCountersOutliveASourcesTrouble) {
  const VmKey key = source_.add(10, "web", {1});
  sweep();
  sweep();
  source_.add(9, "web", {1});  // an older process, which would get the plain name if all were new
  source_.vcpus[key][0].offset = 2;
  sweep();
  sweep();
  source_.list_error = Error{};
  sweep();
  ASSERT_NE(vm("web"), nullptr);
  EXPECT_EQ(vm("web")->key, key);
  EXPECT_EQ(steps("web", 0), 1u);
  EXPECT_EQ(vm("web")->read_errors, 1u);
  source_.list_error.reset();
  sweep();
  ASSERT_NE(vm("web"), nullptr);
  EXPECT_EQ(vm("web")->key, key);
  EXPECT_EQ(steps("web", 0), 1u);
  EXPECT_EQ(last_->vms.size(), 2u);
}

TEST_F(SweepTest, AnUnstableHostTscIsTrustedInNothing) {
  host_.host.clocksource = "hpet";
  source_.add(10, "web", {1, 9});
  sweep();
  sweep();
  EXPECT_EQ(vm("web")->reading->trust, Trust::kUnstableHostTsc);
  EXPECT_FALSE(vm("web")->skew);
}

TEST_F(SweepTest, WhatKvmDoesNotKeepItDoesNotRewriteEither) {
  host_.host.clocksource = "hpet";
  source_.by_kvm = false;
  source_.add(10, "sim", {1, 9});
  sweep();
  sweep();
  EXPECT_EQ(vm("sim")->reading->trust, Trust::kTrusted);
  EXPECT_TRUE(vm("sim")->skew);
}

TEST_F(SweepTest, AnUnknownClocksourceIsNotTrustedEither) {
  host_.error = Error{ErrorKind::kNotFound, "no sysfs", {}};
  source_.add(10, "web", {1, 9});
  sweep();
  sweep();
  EXPECT_FALSE(vm("web")->skew);
  EXPECT_FALSE(collector("host_clock").success);
}

TEST_F(SweepTest, AfterAResumeNothingIsSaidUntilAllVcpusHaveRun) {
  const VmKey key = source_.add(10, "web", {1, 1});
  sweep();
  sweep();
  clock_.suspend(seconds(60));
  source_.vcpus[key][0].offset = 700;
  sweep();
  EXPECT_EQ(vm("web")->reading->trust, Trust::kTorn);
  EXPECT_FALSE(vm("web")->skew);
  source_.vcpus[key][1].offset = 700;
  sweep();
  sweep();
  EXPECT_EQ(vm("web")->skew->spread_ticks, 0u);
}

TEST_F(SweepTest, ARealtimeClockThatStepsChangesNothingButTheStamp) {
  source_.add(10, "web", {1, 9});
  sweep();
  const RealTime before = last_->taken_real;
  clock_.step_realtime(-std::chrono::hours(24));
  sweep();
  EXPECT_LT(last_->taken_real, before);
  EXPECT_EQ(vm("web")->skew->spread_ticks, 8u);
}

TEST_F(SweepTest, AVmThatEndedWhileItsSourceFailedIsGoneAfterwards) {
  source_.add(10, "web", {1});
  sweep();
  source_.list_error = Error{};
  sweep();
  source_.list_error.reset();
  source_.found.clear();
  sweep();
  EXPECT_TRUE(last_->vms.empty());
}

TEST_F(SweepTest, AFileThatIsMissingIsNotTheEndOfTheVm) {
  const VmKey key = source_.add(10, "web", {1});
  sweep();
  sweep();
  source_.vcpus[key][0].offset = 2;
  sweep();
  source_.read_errors[key] = Error{ErrorKind::kNotFound, "vcpu0/tsc-offset: not there", {}};
  sweep();
  ASSERT_NE(vm("web"), nullptr);
  EXPECT_EQ(vm("web")->read_errors, 1u);
  EXPECT_EQ(steps("web", 0), 1u);
}

TEST_F(SweepTest, WhatNeverHoldsStillIsNeitherTrustedNorWithoutSkew) {
  const VmKey key = source_.add(10, "web", {1, 1});
  sweep();
  sweep();
  for (int i = 1; i <= 20; ++i) {
    source_.vcpus[key][1].offset += 1'000'000;
    sweep();
    EXPECT_EQ(steps("web", 1), static_cast<std::uint64_t>(i));
    if (i < 3) {
      continue;  // it may yet be confirmed
    }
    EXPECT_EQ(vm("web")->reading->trust, Trust::kChanging);
    EXPECT_EQ(vm("web")->reading->vcpus[0].trust, Trust::kTrusted);
    EXPECT_EQ(vm("web")->reading->vcpus[1].trust, Trust::kChanging);
    EXPECT_EQ(vm("web")->skew->spread_ticks, static_cast<std::uint64_t>(i) * 1'000'000);
    EXPECT_EQ(vm("web")->skew->bound_ticks, 1'000'000u);
    EXPECT_NE(vm("web")->trust_reason.find("vCPU 1"), std::string::npos);
  }
  sweep();
  EXPECT_EQ(vm("web")->reading->trust, Trust::kTrusted);
  EXPECT_EQ(vm("web")->skew->bound_ticks, 0u);
  EXPECT_EQ(vm("web")->skew->spread_ticks, 20'000'000u);
  EXPECT_TRUE(vm("web")->trust_reason.empty());
}

TEST_F(SweepTest, KvmCatchingUpIsSeenAsAMovementOfAll) {
  const VmKey key = source_.add(10, "web", {0, 4'700'000'000});
  for (int i = 0; i < 6; ++i) {
    for (VcpuReading& vcpu : source_.vcpus[key]) {
      vcpu.offset += 2'700'000'000;  // 0.54e9 a second
    }
    sweep();
  }
  EXPECT_EQ(vm("web")->reading->trust, Trust::kChanging);
  EXPECT_EQ(vm("web")->skew->spread_ticks, 4'700'000'000u);
  EXPECT_EQ(vm("web")->skew->bound_ticks, 5'400'000'000u);
  EXPECT_NE(vm("web")->trust_reason.find("5.4e+08 ticks a second"), std::string::npos)
      << vm("web")->trust_reason;
}

TEST_F(SweepTest, WhatIsLeftOfAVmIsSaidForWhatItIs) {
  source_.add(10, "web", {1, 1});
  sweep();
  source_.found[0].identity.pid = 0;
  source_.found[0].identity.orphaned = true;
  sweep();
  ASSERT_NE(vm("web"), nullptr);  // it keeps its label
  EXPECT_EQ(vm("web")->reading->trust, Trust::kOrphaned);
  EXPECT_NE(vm("web")->trust_reason.find("could not be found"), std::string::npos);
  source_.found[0].identity.holder = 77;
  sweep();
  EXPECT_NE(vm("web")->trust_reason.find("process 77 holds"), std::string::npos);
}

TEST_F(SweepTest, AThousandVmsComeAndGo) {
  for (int i = 0; i < 1000; ++i) {
    source_.add(100 + i, "same name", {1, 1});
  }
  sweep();
  EXPECT_EQ(last_->vms.size(), 1000u);
  std::set<std::string> labels;
  for (const VmState& state : last_->vms) {
    labels.insert(state.label);
  }
  EXPECT_EQ(labels.size(), 1000u);
  source_.found.clear();
  sweep();
  EXPECT_TRUE(last_->vms.empty());
}

}  // namespace
}  // namespace kvmtsc
