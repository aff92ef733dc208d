#include "collectors/simulated/fleet.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"
#include "tsc/skew.h"

namespace kvmtsc {
namespace {

using std::chrono::seconds;

class FleetTest : public testing::Test {
 protected:
  std::vector<std::string> names() {
    std::vector<std::string> result;
    const auto listed = fleet_.list();
    for (const auto& vm : *listed) {
      result.push_back(vm.identity.name);
    }
    std::ranges::sort(result);
    return result;
  }
  VmReading read(const std::string& name) {
    const auto listed = fleet_.list();
    for (const auto& vm : *listed) {
      if (vm.identity.name == name) {
        return *fleet_.read(vm.key, {});
      }
    }
    ADD_FAILURE() << "no " << name;
    return {};
  }
  SkewAnalysis skew(const std::string& name) {
    const auto reading = read(name);
    return *analyse_skew(reading.vcpus, reading.host_tsc_before, reading.host_tsc_after);
  }

  FakeClock clock_;
  SimulatedFleet fleet_{1, 10, clock_};
};

TEST_F(FleetTest, ShowsEachBehaviour) {
  EXPECT_EQ(names(),
            (std::vector<std::string>{"sim-coming-and-going", "sim-healthy-1", "sim-healthy-2",
                                      "sim-healthy-3", "sim-healthy-4", "sim-moving", "sim-nested",
                                      "sim-skewed", "sim-stepping", "sim-unequal-ratios"}));
  EXPECT_EQ(skew("sim-healthy-1").spread_ticks, 0u);
  EXPECT_EQ(skew("sim-skewed").spread_ticks, 9'000'000u);
}

TEST_F(FleetTest, IsTheSameForTheSameSeed) {
  SimulatedFleet twin(1, 10, clock_);
  SimulatedFleet other(2, 10, clock_);
  const auto uuid = [](SimulatedFleet& fleet) { return fleet.list()->front().identity.uuid; };
  EXPECT_EQ(uuid(fleet_), uuid(twin));
  EXPECT_NE(uuid(fleet_), uuid(other));
}

TEST_F(FleetTest, UnequalRatiosDriftApartByTheirDifference) {
  EXPECT_LE(skew("sim-unequal-ratios").spread_ticks, 2u);
  clock_.advance(seconds(100));
  const auto analysis = skew("sim-unequal-ratios");
  const double gained = static_cast<double>(analysis.spread_ticks) / FakeClock::kHertz;
  EXPECT_NEAR(gained, 100 * 50e-6, 1e-7);
  EXPECT_FALSE(analysis.equal_ratios);
}

TEST_F(FleetTest, NestedIsUntrustedHalfOfTheTime) {
  EXPECT_EQ(read("sim-nested").trust, Trust::kTrusted);
  clock_.advance(seconds(25));
  EXPECT_EQ(read("sim-nested").trust, Trust::kNested);
}

TEST_F(FleetTest, SteppingStepsEveryMinute) {
  const auto before = skew("sim-stepping").spread_ticks;
  clock_.advance(seconds(59));
  EXPECT_EQ(skew("sim-stepping").spread_ticks, before);
  clock_.advance(seconds(1));
  EXPECT_EQ(skew("sim-stepping").spread_ticks, before + 3'000'000);
}

TEST_F(FleetTest, MovingIsElsewhereAtEveryReading) {
  const auto before = skew("sim-moving").spread_ticks;
  clock_.advance(seconds(1));
  EXPECT_EQ(skew("sim-moving").spread_ticks, before + 3'000'000);
}

TEST_F(FleetTest, AVmThatComesBackIsAnotherVm) {
  const auto key = [&] {
    const auto vms = *fleet_.list();
    const auto found = std::ranges::find_if(
        vms, [](const auto& vm) { return vm.identity.name == "sim-coming-and-going"; });
    return found == vms.end() ? VmKey{} : found->key;
  };
  const VmKey first = key();
  clock_.advance(seconds(20));
  EXPECT_EQ(key(), VmKey{});
  EXPECT_EQ(fleet_.read(first, {}).error().kind, ErrorKind::kGone);
  clock_.advance(seconds(7));
  EXPECT_NE(key(), VmKey{});
  EXPECT_NE(key(), first);
}

}  // namespace
}  // namespace kvmtsc
