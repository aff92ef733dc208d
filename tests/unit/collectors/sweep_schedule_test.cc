#include "collectors/sweep_schedule.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

MonotonicTime at(Nanoseconds time) {
  return {time};
}

TEST(SweepSchedule, SweepsAtOnceAndThenEveryInterval) {
  SweepSchedule schedule(seconds(5), at(seconds(100)));
  EXPECT_EQ(schedule.due(), at(seconds(100)));
  schedule.swept(at(seconds(100) + milliseconds(3)));
  EXPECT_EQ(schedule.due(), at(seconds(105)));  // lateness does not add up
}

TEST(SweepSchedule, DoesNotMakeUpForMissedSweeps) {
  SweepSchedule schedule(seconds(5), at(seconds(0)));
  schedule.swept(at(seconds(3600)));
  EXPECT_EQ(schedule.due(), at(seconds(3605)));
}

TEST(SweepSchedule, LooksTwiceAtANewVm) {
  SweepSchedule schedule(seconds(5), at(seconds(0)));
  schedule.swept(at(seconds(0)));
  schedule.vm_event(at(seconds(1)));
  EXPECT_EQ(schedule.due(), at(seconds(1) + SweepSchedule::kSoon));
  schedule.swept(at(seconds(1) + SweepSchedule::kSoon));
  EXPECT_EQ(schedule.due(), at(seconds(1) + SweepSchedule::kSettled));
  schedule.swept(at(seconds(1) + SweepSchedule::kSettled));
  EXPECT_EQ(schedule.due(), at(seconds(5)));
}

TEST(SweepSchedule, AStormOfEventsIsSpacedOut) {
  SweepSchedule schedule(seconds(5), at(seconds(0)));
  schedule.swept(at(seconds(0)));
  int sweeps = 0;
  for (MonotonicTime now = at(seconds(0)); now < at(seconds(4)); now = now + milliseconds(1)) {
    schedule.vm_event(now);
    if (schedule.due() <= now) {
      schedule.swept(now);
      ++sweeps;
    }
  }
  EXPECT_GE(sweeps, 10);
  EXPECT_LE(sweeps, 16);
}

TEST(SweepSchedule, AShorterIntervalTakesEffectAtOnce) {
  SweepSchedule schedule(seconds(3600), at(seconds(0)));
  schedule.swept(at(seconds(0)));
  schedule.set_interval(seconds(1), at(seconds(10)));
  EXPECT_EQ(schedule.due(), at(seconds(11)));
}

}  // namespace
}  // namespace kvmtsc
