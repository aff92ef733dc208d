#include "tsc/resume_guard.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

using std::chrono::seconds;

class ResumeGuardTest : public testing::Test {
 protected:
  bool torn(const std::vector<std::int64_t>& offsets, Nanoseconds suspended, Nanoseconds after) {
    VmReading reading;
    for (const auto offset : offsets) {
      reading.vcpus.push_back({static_cast<VcpuId>(reading.vcpus.size()), offset, {}, {}});
    }
    now_ = now_ + after;
    reading.taken = now_;
    return guard_.torn(reading, suspended);
  }
  MonotonicTime now_;
  ResumeGuard guard_;
};

TEST_F(ResumeGuardTest, WithoutASuspendNothingIsTorn) {
  EXPECT_FALSE(torn({1, 2}, seconds(3), seconds(5)));  // suspended before we came
  EXPECT_FALSE(torn({1, 3}, seconds(3), seconds(5)));
  EXPECT_FALSE(torn({9, 3}, seconds(3) + std::chrono::microseconds(20), seconds(5)));
}

TEST_F(ResumeGuardTest, TornUntilAllVcpusHaveRun) {
  EXPECT_FALSE(torn({1, 1, 1}, seconds(0), seconds(5)));
  EXPECT_FALSE(torn({1, 1, 1}, seconds(60), seconds(5)));  // resumed, nobody has run
  EXPECT_TRUE(torn({500, 1, 1}, seconds(60), seconds(5)));
  EXPECT_TRUE(torn({500, 500, 1}, seconds(60), seconds(5)));
  EXPECT_FALSE(torn({500, 500, 500}, seconds(60), seconds(5)));
  EXPECT_FALSE(torn({500, 500, 7}, seconds(60), seconds(5)));  // a skew of its own, long after
}

TEST_F(ResumeGuardTest, AVcpuThatNeverRunsIsGivenUpOn) {
  EXPECT_FALSE(torn({1, 1}, seconds(0), seconds(5)));
  EXPECT_TRUE(torn({500, 1}, seconds(60), seconds(5)));
  EXPECT_TRUE(torn({500, 1}, seconds(60), ResumeGuard::kPatience));
  EXPECT_FALSE(torn({500, 1}, seconds(60), seconds(5)));
}

TEST_F(ResumeGuardTest, EachSuspendIsWatched) {
  EXPECT_FALSE(torn({1, 1}, seconds(0), seconds(5)));
  EXPECT_TRUE(torn({2, 1}, seconds(9), seconds(5)));
  EXPECT_FALSE(torn({2, 2}, seconds(9), seconds(5)));
  EXPECT_TRUE(torn({2, 3}, seconds(18), seconds(5)));
}

}  // namespace
}  // namespace kvmtsc
