#include "corrections/rate_limits.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr VmKey kWeb{7, 3, 1};
constexpr VmKey kMail{8, 3, 2};

MonotonicTime at(Nanoseconds time) {
  return MonotonicTime{} + time;
}

TEST(RateLimits, LeaveRoomWhenTheOldestIsAnHourOld) {
  RateLimits limits(2, 10);
  limits.count(kWeb, at(minutes(0)));
  EXPECT_TRUE(limits.check(kWeb, at(minutes(1))));
  limits.count(kWeb, at(minutes(10)));
  const auto full = limits.check(kWeb, at(minutes(20)));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind, ErrorKind::kLimited);
  EXPECT_EQ(full.error().retry_after, minutes(40));
  EXPECT_TRUE(limits.check(kMail, at(minutes(20))));
  EXPECT_FALSE(limits.check(kWeb, at(hours(1) - Nanoseconds(1))));
  EXPECT_TRUE(limits.check(kWeb, at(hours(1))));
}

TEST(RateLimits, WaitForWhicheverLimitIsLater) {
  RateLimits limits(1, 2);
  limits.count(kMail, at(minutes(5)));
  limits.count(kWeb, at(minutes(30)));
  EXPECT_EQ(limits.check(kWeb, at(minutes(31))).error().retry_after, minutes(59));
  EXPECT_EQ(limits.check(kMail, at(minutes(31))).error().retry_after, minutes(34));
  EXPECT_EQ(limits.check({}, at(minutes(31))).error().retry_after, minutes(34));
  EXPECT_NE(limits.check({}, at(minutes(31))).error().message.find("host"), std::string::npos);
}

TEST(RateLimits, MoreThanTheLimitHaveToAgeUntilThereIsRoom) {
  // A lower limit after a restart.
  RateLimits limits(1, 10);
  for (int minute : {0, 10, 20}) {
    limits.count(kWeb, at(minutes(minute)));
  }
  EXPECT_EQ(limits.check(kWeb, at(minutes(30))).error().retry_after, minutes(50));
}

TEST(RateLimits, ALimitOfNoneHasNoTimeToWaitFor) {
  RateLimits limits(0, 10);
  EXPECT_FALSE(limits.check(kWeb, at(seconds(0))).error().retry_after);
}

}  // namespace
}  // namespace kvmtsc
