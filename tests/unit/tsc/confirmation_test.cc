#include "tsc/confirmation.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

using std::chrono::seconds;

class ConfirmationTest : public testing::Test {
 protected:
  // Observes vCPUs 0.. with these offsets, `after` later than the last time.
  void observe(const std::vector<std::int64_t>& offsets, Trust trust = Trust::kTrusted,
               Nanoseconds after = seconds(5)) {
    VmReading reading;
    for (const auto offset : offsets) {
      reading.vcpus.push_back({static_cast<VcpuId>(reading.vcpus.size()), offset, {}, trust});
    }
    reading.trust = trust;
    observe(reading, after);
  }
  void observe(VmReading reading, Nanoseconds after = seconds(5)) {
    now_ = now_ + after;
    reading.taken = now_;
    confirmation_.observe(reading);
  }
  std::vector<std::int64_t> offsets() const {
    std::vector<std::int64_t> result;
    for (const auto& vcpu : confirmation_.confirmed()) {
      result.push_back(vcpu.offset);
    }
    return result;
  }

  MonotonicTime now_;
  Confirmation confirmation_{std::chrono::milliseconds(2500)};
};

TEST_F(ConfirmationTest, OneReadingIsNotEnough) {
  observe({1, 2});
  EXPECT_TRUE(offsets().empty());
  EXPECT_TRUE(confirmation_.pending());
}

TEST_F(ConfirmationTest, TwoAgreeingReadingsAre) {
  observe({1, 2});
  observe({1, 2});
  EXPECT_EQ(offsets(), (std::vector<std::int64_t>{1, 2}));
  EXPECT_FALSE(confirmation_.pending());
  EXPECT_EQ(confirmation_.steps(0), 0u);
}

TEST_F(ConfirmationTest, TwoReadingsInABurstCountAsOne) {
  observe({1});
  observe({1}, Trust::kTrusted, std::chrono::milliseconds(100));
  EXPECT_TRUE(offsets().empty());
  observe({1}, Trust::kTrusted, std::chrono::milliseconds(2400));
  EXPECT_EQ(offsets(), std::vector<std::int64_t>{1});
}

TEST_F(ConfirmationTest, AStepIsCountedOnceConfirmed) {
  observe({1, 1});
  observe({1, 1});
  observe({1, 9});
  EXPECT_EQ(confirmation_.steps(1), 0u);
  EXPECT_EQ(offsets(), (std::vector<std::int64_t>{1, 1}));
  observe({1, 9});
  EXPECT_EQ(confirmation_.steps(1), 1u);
  EXPECT_EQ(confirmation_.steps(0), 0u);
  EXPECT_EQ(offsets(), (std::vector<std::int64_t>{1, 9}));
}

TEST_F(ConfirmationTest, ASpikeThatGoesBackIsNoStep) {
  observe({1});
  observe({1});
  observe({9});
  observe({1});
  observe({9});
  observe({1});
  EXPECT_EQ(confirmation_.steps(0), 0u);
  EXPECT_EQ(offsets(), std::vector<std::int64_t>{1});
}

TEST_F(ConfirmationTest, AChangedRatioIsAStepToo) {
  VmReading reading;
  reading.vcpus = {{0, 1, {1ULL << 48, 48}, Trust::kTrusted}};
  observe(reading);
  observe(reading);
  reading.vcpus[0].ratio.value += 5;
  observe(reading);
  observe(reading);
  EXPECT_EQ(confirmation_.steps(0), 1u);
}

TEST_F(ConfirmationTest, UntrustedReadingsNeitherConfirmNorRefute) {
  observe({1});
  observe({1});
  observe({77}, Trust::kNested);
  observe({77}, Trust::kNested);
  EXPECT_TRUE(offsets().empty());  // nothing may be said of it now
  EXPECT_EQ(confirmation_.steps(0), 0u);
  observe({1});
  EXPECT_EQ(offsets(), std::vector<std::int64_t>{1});
  EXPECT_EQ(confirmation_.steps(0), 0u);
}

TEST_F(ConfirmationTest, AnUnstableHostTscSpoilsEveryVcpu) {
  observe({1});
  observe({1});
  VmReading reading;
  reading.vcpus = {{0, 1, {}, Trust::kTrusted}};
  reading.trust = Trust::kUnstableHostTsc;
  observe(reading);
  EXPECT_TRUE(offsets().empty());
}

TEST_F(ConfirmationTest, AVcpuThatWentAwayIsForgotten) {
  observe({1, 2});
  observe({1, 2});
  observe({1});
  EXPECT_EQ(offsets(), std::vector<std::int64_t>{1});
  observe({1, 3});
  observe({1, 3});
  EXPECT_EQ(confirmation_.steps(1), 0u);  // a new vCPU, not a step of the old one
}

TEST_F(ConfirmationTest, AVcpuThatCouldNotBeReadIsNotForgotten) {
  observe({1, 2});
  observe({1, 2});
  VmReading reading;
  reading.vcpus = {{0, 1, {}, Trust::kTrusted}};
  reading.unreadable = {{1, Error{}}};
  reading.trust = Trust::kTorn;
  observe(reading);
  EXPECT_EQ(offsets(), std::vector<std::int64_t>{1});
  observe({1, 3});
  observe({1, 3});
  EXPECT_EQ(confirmation_.steps(1), 1u);
}

}  // namespace
}  // namespace kvmtsc
