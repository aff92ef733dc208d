#include "collectors/simulated/attach.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace kvmtsc {
namespace {

class SimulatedAttachTest : public testing::Test {
 protected:
  FoundVm find(const std::string& name) {
    const auto listed = fleet_.list();
    return *std::ranges::find(*listed, name, [](const FoundVm& vm) { return vm.identity.name; });
  }
  std::vector<std::int64_t> offsets(const FoundVm& vm) {
    std::vector<std::int64_t> all;
    const auto reading = fleet_.read(vm.key, {});
    for (const VcpuReading& vcpu : reading->vcpus) {
      all.push_back(vcpu.offset);
    }
    return all;
  }

  FakeClock clock_;
  SimulatedFleet fleet_{1, 10, clock_};
  SimulatedAttach attach_{fleet_, clock_, nullptr, nullptr};
};

TEST_F(SimulatedAttachTest, AMasterClockNeedsEqualOffsets) {
  const FoundVm healthy = find("sim-healthy-1");
  const FoundVm skewed = find("sim-skewed");
  EXPECT_EQ(attach_.read_clock(attach_target(healthy.key, healthy.identity), {})->triple.flags,
            14u);
  EXPECT_EQ(attach_.read_clock(attach_target(skewed.key, skewed.identity), {})->triple.flags, 0u);
}

TEST_F(SimulatedAttachTest, WritesWhatIsWantedAndNothingOverWhatHasChanged) {
  for (const char* name : {"sim-skewed", "sim-stepping"}) {
    clock_.advance(std::chrono::seconds(70));  // the stepping VM has stepped
    const FoundVm vm = find(name);
    const auto before = offsets(vm);
    std::vector<WantedOffset> wanted;
    for (std::size_t id = 0; id < before.size(); ++id) {
      wanted.push_back({static_cast<VcpuId>(id), before.back(), before[id]});
    }
    const AttachTarget target = attach_target(vm.key, vm.identity);
    const auto report = attach_.write(target, wanted, {});
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_EQ(report->outcome, WriteOutcome::kApplied);
    EXPECT_EQ(offsets(vm), std::vector<std::int64_t>(before.size(), before.back())) << name;
    EXPECT_EQ(report->vcpus.front().before, before.front());

    wanted.front().expected = before.front();
    wanted.front().offset = 7;
    EXPECT_EQ(attach_.write(target, wanted, {}).error().kind, ErrorKind::kConflict);
    EXPECT_EQ(offsets(vm).front(), before.back()) << name;
  }
}

TEST_F(SimulatedAttachTest, RefusesRealVmsWhereAttachingIsOff) {
  const AttachTarget real{{1234, 12, 1}, 1234, 1};
  EXPECT_EQ(attach_.read_clock(real, {}).error().kind, ErrorKind::kRefused);
  EXPECT_EQ(attach_.read_frequency(real, 0, {}).error().kind, ErrorKind::kRefused);
  EXPECT_EQ(attach_.write(real, {}, {}).error().kind, ErrorKind::kRefused);
}

}  // namespace
}  // namespace kvmtsc
