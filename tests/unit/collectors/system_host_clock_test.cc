#include "collectors/system_host_clock.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_directory.h"

namespace kvmtsc {
namespace {

class SystemHostClockTest : public testing::Test {
 protected:
  void write_clocksource(const std::string& name) {
    host_.write("sys/devices/system/clocksource/clocksource0/current_clocksource", name + "\n");
  }
  SystemHostClock make() {
    return {HostRoot{host_.path() + "/proc", host_.path() + "/sys", host_.path() + "/debug"},
            clock_};
  }
  TemporaryDirectory host_;
  FakeClock clock_;
};

TEST_F(SystemHostClockTest, ReadsClocksourceFlagsAndDiscipline) {
  write_clocksource("tsc");
  host_.write("proc/cpuinfo",
              "processor\t: 0\nflags\t\t: fpu vme tsc msr rdtscp constant_tsc nonstop_tsc avx\n"
              "bugs\t\t: tsc_reliable\n");
  const auto host = make().read();
  ASSERT_TRUE(host);
  EXPECT_TRUE(host->tsc_is_stable());
  EXPECT_EQ(host->tsc_flags,
            (std::vector<std::string>{"constant_tsc", "nonstop_tsc", "rdtscp", "tsc"}));
  EXPECT_EQ(host->synchronized, true);
  EXPECT_EQ(host->realtime_bound, std::chrono::microseconds(1500));
}

TEST_F(SystemHostClockTest, MeasuresTheTscFromTheSecondReadingOn) {
  write_clocksource("tsc");
  auto source = make();
  EXPECT_FALSE(source.read()->tsc_frequency);
  clock_.advance(std::chrono::seconds(5));
  const auto frequency = source.read()->tsc_frequency;
  ASSERT_TRUE(frequency);
  EXPECT_NEAR(frequency->hertz, double{FakeClock::kHertz}, 1);
  EXPECT_LE(frequency->bound_hertz, 10);
}

TEST_F(SystemHostClockTest, AnotherClocksourceIsUnstable) {
  write_clocksource("hpet");
  EXPECT_FALSE(make().read()->tsc_is_stable());
}

TEST_F(SystemHostClockTest, WithoutSysfsItSaysWhatIsMissing) {
  const auto host = make().read();
  ASSERT_FALSE(host);
  EXPECT_NE(host.error().message.find("current_clocksource"), std::string::npos);
}

TEST(SystemHostClockOfThisMachine, AgreesWithTheKernelWithinItsBound) {
  SystemHostClock source({}, system_clock());
  const auto first = source.read();
  if (!first) {
    GTEST_SKIP() << "SKIPPED: " << first.error().text();
  }
  const auto wait_until = system_clock().monotonic() + std::chrono::milliseconds(50);
  while (system_clock().monotonic() < wait_until) {
  }
  const auto early = source.read()->tsc_frequency;
  const auto later_at = system_clock().monotonic() + std::chrono::milliseconds(200);
  while (system_clock().monotonic() < later_at) {
  }
  const auto later = source.read()->tsc_frequency;
  ASSERT_TRUE(early);
  ASSERT_TRUE(later);
  EXPECT_LT(later->bound_hertz, early->bound_hertz * 2);
  EXPECT_LE(std::abs(early->hertz - later->hertz), early->bound_hertz + later->bound_hertz);
}

}  // namespace
}  // namespace kvmtsc
