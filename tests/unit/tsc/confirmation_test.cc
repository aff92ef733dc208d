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

  std::uint64_t steps(VcpuId id) const {
    for (const VcpuSteps& vcpu : confirmation_.steps()) {
      if (vcpu.id == id) {
        return vcpu.count;
      }
    }
    return 0;
  }

  MonotonicTime now_;
  Confirmation confirmation_{std::chrono::milliseconds(2500)};
};

TEST_F(ConfirmationTest, OneReadingIsNotEnough) {
  observe({1, 2});
  EXPECT_TRUE(offsets().empty());
}

TEST_F(ConfirmationTest, TwoAgreeingReadingsAre) {
  observe({1, 2});
  observe({1, 2});
  EXPECT_EQ(offsets(), (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(steps(0), 0u);
}

TEST_F(ConfirmationTest, TwoReadingsInABurstCountAsOne) {
  observe({1});
  observe({1}, Trust::kTrusted, std::chrono::milliseconds(100));
  EXPECT_TRUE(offsets().empty());
  observe({1}, Trust::kTrusted, std::chrono::milliseconds(2400));
  EXPECT_EQ(offsets(), std::vector<std::int64_t>{1});
}

TEST_F(ConfirmationTest, AStepIsCountedAtOnceAndOnce) {
  observe({1, 1});
  observe({1, 1});
  observe({1, 9});
  EXPECT_EQ(steps(1), 1u);
  EXPECT_EQ(offsets(), (std::vector<std::int64_t>{1, 1}));
  observe({1, 9});
  EXPECT_EQ(steps(1), 1u);
  EXPECT_EQ(steps(0), 0u);
  EXPECT_EQ(offsets(), (std::vector<std::int64_t>{1, 9}));
}

TEST_F(ConfirmationTest, ASpikeThatGoesBackIsTwoStepsAndNoMovement) {
  observe({1});
  observe({1});
  observe({9});
  observe({1});
  EXPECT_EQ(steps(0), 2u);
  EXPECT_EQ(offsets(), std::vector<std::int64_t>{1});
  observe({1});
  EXPECT_FALSE(confirmation_.movement());
}

TEST_F(ConfirmationTest, WhatComesAndGoesAtEveryReadingMoves) {
  observe({1, 1});
  observe({1, 1});
  for (int i = 0; i < 2; ++i) {
    observe({1, 9});
    observe({1, 1});
  }
  const auto movement = confirmation_.movement();
  ASSERT_TRUE(movement);
  EXPECT_EQ(movement->vcpus, std::vector<VcpuId>{1});
  EXPECT_FALSE(movement->all);
  EXPECT_EQ(movement->bound_ticks, 8u);
  EXPECT_EQ(steps(1), 4u);
}

TEST_F(ConfirmationTest, AnOffsetThatIsAnotherAtEveryReadingMovesFromTheThirdOn) {
  observe({0, 0});
  observe({0, 0});
  observe({0, 100});
  EXPECT_FALSE(confirmation_.movement());
  observe({0, 300});
  EXPECT_FALSE(confirmation_.movement());
  observe({0, 350});
  auto movement = confirmation_.movement();
  ASSERT_TRUE(movement);
  EXPECT_EQ(movement->bound_ticks, 200u);  // the largest change seen, for one vCPU alone moves
  EXPECT_EQ(movement->lasting, seconds(10));
  EXPECT_FALSE(movement->ticks_per_second);
  EXPECT_EQ(steps(1), 3u);
  observe({0, 350});
  EXPECT_FALSE(confirmation_.movement());
  EXPECT_EQ(offsets(), (std::vector<std::int64_t>{0, 350}));
}

TEST_F(ConfirmationTest, AllMovingAlikeHaveARate) {
  std::uint64_t offset =
      static_cast<std::uint64_t>(INT64_MAX) - 1000;  // crosses the end of the numbers
  for (int i = 0; i < 5; ++i) {
    observe({static_cast<std::int64_t>(offset), static_cast<std::int64_t>(offset + 7)});
    offset += 500;
  }
  const auto movement = confirmation_.movement();
  ASSERT_TRUE(movement);
  EXPECT_TRUE(movement->all);
  EXPECT_NEAR(movement->ticks_per_second.value_or(0), 100, 1e-9);
  EXPECT_EQ(movement->bound_ticks, 1000u);
}

TEST_F(ConfirmationTest, ABurstOfReadingsIsNoMovement) {
  observe({1});
  observe({1});
  for (int i = 0; i < 10; ++i) {
    observe({i}, Trust::kTrusted, std::chrono::milliseconds(100));
  }
  EXPECT_FALSE(confirmation_.movement());
}

TEST_F(ConfirmationTest, UntrustedReadingsDoNotMakeAMovementLonger) {
  observe({1});
  observe({1});
  observe({2});
  for (int i = 0; i < 10; ++i) {
    observe({i}, Trust::kNested);
  }
  observe({3});
  EXPECT_FALSE(confirmation_.movement());
}

TEST_F(ConfirmationTest, AReadingThatChangedMeanwhileEndsNoMovement) {
  for (int i = 0; i < 4; ++i) {
    observe({i, 0});
  }
  observe({5, 0}, Trust::kChanged);
  ASSERT_TRUE(confirmation_.movement());
  EXPECT_EQ(confirmation_.movement()->vcpus, std::vector<VcpuId>{0});
  observe({6, 0}, Trust::kUnstableHostTsc);
  EXPECT_FALSE(confirmation_.movement());
}

TEST_F(ConfirmationTest, AVmThatNeverHeldStillMovesToo) {
  for (int i = 0; i < 4; ++i) {
    observe({i, 0});
  }
  ASSERT_TRUE(confirmation_.movement());
  EXPECT_EQ(confirmation_.movement()->vcpus, std::vector<VcpuId>{0});
  EXPECT_GT(steps(0), 0u);
}

TEST(MovementText, SaysWhoMayBeAtIt) {
  Movement movement;
  movement.vcpus = {1};
  movement.lasting = seconds(12);
  EXPECT_EQ(movement_text(movement, {}),
            "the offset of vCPU 1 was another one at each reading for 12 s: the guest, its VMM or "
            "another program goes on writing it");
  movement.vcpus = {0, 1};
  EXPECT_NE(movement_text(movement, -0.17).find("KVM lets them catch up"), std::string::npos);
  movement.all = true;
  movement.ticks_per_second = 5.4e8;
  EXPECT_NE(movement_text(movement, {}).find("KVM or the guest moves them"), std::string::npos);
  EXPECT_NE(movement_text(movement, -0.17).find("KVM lets them catch up"), std::string::npos);
  EXPECT_NE(movement_text(movement, -100e-6).find("KVM or the guest"), std::string::npos);
}

TEST_F(ConfirmationTest, AChangedRatioIsAStepToo) {
  VmReading reading;
  reading.vcpus = {{0, 1, {1ULL << 48, 48}, Trust::kTrusted}};
  observe(reading);
  observe(reading);
  reading.vcpus[0].ratio.value += 5;
  observe(reading);
  observe(reading);
  EXPECT_EQ(steps(0), 1u);
}

TEST_F(ConfirmationTest, UntrustedReadingsNeitherConfirmNorRefute) {
  observe({1});
  observe({1});
  observe({77}, Trust::kNested);
  observe({77}, Trust::kNested);
  EXPECT_TRUE(offsets().empty());  // nothing may be said of it now
  EXPECT_EQ(steps(0), 0u);
  observe({1});
  EXPECT_EQ(offsets(), std::vector<std::int64_t>{1});
  EXPECT_EQ(steps(0), 0u);
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
  EXPECT_EQ(steps(1), 0u);  // a new vCPU, not a step of the old one
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
  EXPECT_EQ(steps(1), 1u);
}

}  // namespace
}  // namespace kvmtsc
