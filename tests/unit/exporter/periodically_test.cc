#include "exporter/periodically.h"

#include <atomic>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

using namespace std::chrono_literals;
using Steady = std::chrono::steady_clock;

// Whether `count` gets there within 10 s.
bool reaches(const std::atomic<int>& count, int wanted) {
  const auto end = Steady::now() + 10s;
  while (count < wanted && Steady::now() < end) {
    std::this_thread::sleep_for(1ms);
  }
  return count >= wanted;
}

TEST(Periodically, CallsAgainAndAgainUntilItsEnd) {
  std::atomic<int> calls{0};
  {
    const Periodically counting(1ms, [&] { ++calls; });
    EXPECT_TRUE(reaches(calls, 3));
  }
  const int at_the_end = calls;
  std::this_thread::sleep_for(20ms);
  EXPECT_EQ(calls, at_the_end);
}

TEST(Periodically, CallsAtOnceAndEndsAtOnceHoweverLongItsInterval) {
  std::atomic<int> calls{0};
  const auto begin = Steady::now();
  {
    const Periodically counting(1h, [&] { ++calls; });
    EXPECT_TRUE(reaches(calls, 1));
  }
  EXPECT_LT(Steady::now() - begin, 10s);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace kvmtsc
