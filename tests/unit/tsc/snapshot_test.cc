#include "tsc/snapshot.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

TEST(MasterClock, IsUnknownUntilAVcpuHasRun) {
  VmState vm;
  EXPECT_EQ(master_clock(vm), std::nullopt);
  vm.clock.emplace();
  vm.never_ran = true;
  EXPECT_EQ(master_clock(vm), std::nullopt);
  vm.never_ran = false;
  EXPECT_EQ(master_clock(vm), false);
  vm.clock->flags = ClockTriple::kTscStable;
  EXPECT_EQ(master_clock(vm), true);
}

TEST(VmsKnown, AreAllWhereEverySourceCouldList) {
  const Error error{ErrorKind::kNotFound, "not mounted", "mount it"};
  Snapshot snapshot;
  EXPECT_EQ(vms_known(snapshot), VmsKnown::kAll);
  snapshot.collectors = {{"host_clock", false, {}, error}, {"debugfs", true, {}, {}, true}};
  EXPECT_EQ(vms_known(snapshot), VmsKnown::kAll);
  EXPECT_TRUE(blind_collectors(snapshot).empty());
  snapshot.collectors[1].error = error;
  EXPECT_EQ(vms_known(snapshot), VmsKnown::kNone);
  snapshot.collectors.push_back({"simulated", true, {}, {}, true});
  EXPECT_EQ(vms_known(snapshot), VmsKnown::kSome);
  ASSERT_EQ(blind_collectors(snapshot).size(), 1u);
  EXPECT_EQ(blind_collectors(snapshot)[0]->name, "debugfs");
}

TEST(ToldFrequency, ErrorIsThatOfTheGuestWhoTrustsIt) {
  VmState vm;
  vm.frequency = Frequency{3e9, 1};
  EXPECT_EQ(told_frequency_error(vm), std::nullopt);
  vm.tsc_khz = 3'600'000;  // catch-up: 17 % slow
  EXPECT_NEAR(*told_frequency_error(vm), -1.0 / 6, 1e-12);
  vm.tsc_khz = 2'999'400;  // within KVM's tolerance
  EXPECT_NEAR(*told_frequency_error(vm), 200e-6, 1e-7);
  vm.tsc_khz = 0;
  EXPECT_EQ(told_frequency_error(vm), std::nullopt);
}

TEST(Trusts, HaveNamesOfTheirOwn) {
  std::set<std::string> names;
  for (const Trust trust : kAllTrusts) {
    names.insert(trust_name(trust));
    EXPECT_FALSE(std::string(trust_explanation(trust)).empty());
  }
  EXPECT_EQ(names.size(), kAllTrusts.size());
}

}  // namespace
}  // namespace kvmtsc
