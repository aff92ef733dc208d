#include "tsc/guest_timers.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

TEST(GuestTimers, AreMovedByMoreThanAMillisecondEitherWay) {
  EXPECT_FALSE(moves_timers({0, 0, 0, 0, 0.0}));
  EXPECT_FALSE(moves_timers({0, 0, 0, 1'000'000, 1e-3}));
  EXPECT_FALSE(moves_timers({0, 0, 0, -1'000'000, -1e-3}));
  EXPECT_TRUE(moves_timers({0, 0, 0, 1'000'001, 1.000001e-3}));
  EXPECT_TRUE(moves_timers({0, 0, 0, -1'000'001, -1.000001e-3}));
}

TEST(GuestTimers, AreMovedByAnyStepThatNobodyKnowsTheTimeOf) {
  EXPECT_TRUE(moves_timers({0, 0, 0, 1, {}}));
  EXPECT_FALSE(moves_timers({0, 0, 0, 0, {}}));
}

}  // namespace
}  // namespace kvmtsc
