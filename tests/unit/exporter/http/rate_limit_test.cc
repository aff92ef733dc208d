#include "exporter/http/rate_limit.h"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace kvmtsc::http {
namespace {

using namespace std::chrono_literals;

class RateLimitTest : public testing::Test {
 protected:
  int taken(int tries) {
    int count = 0;
    for (int i = 0; i < tries; ++i) {
      count += limit_.take() ? 0 : 1;
    }
    return count;
  }

  FakeClock clock_;
  RateLimit limit_{clock_};
};

TEST_F(RateLimitTest, ThereIsNoneUnlessItIsSet) {
  EXPECT_EQ(taken(1000), 1000);
  limit_.set({0s, 0});
  EXPECT_EQ(taken(1000), 1000);
}

TEST_F(RateLimitTest, ABurstAndThenOneAnInterval) {
  limit_.set({1s, 3});
  EXPECT_EQ(taken(10), 3);
  clock_.advance(999ms);
  EXPECT_EQ(limit_.take(), Nanoseconds(1ms));
  clock_.advance(1ms);
  EXPECT_EQ(taken(10), 1);
  clock_.advance(2500ms);
  EXPECT_EQ(taken(10), 2);
  clock_.advance(500ms);
  EXPECT_EQ(taken(10), 1);
  clock_.advance(1h);
  EXPECT_EQ(taken(10), 3);
}

TEST_F(RateLimitTest, ABurstOfNoneIsOne) {
  limit_.set({1s, 0});
  EXPECT_EQ(limit_.take(), std::nullopt);
  EXPECT_EQ(limit_.take(), Nanoseconds(1s));
}

TEST_F(RateLimitTest, AnotherRateBeginsFullAndTheSameGoesOn) {
  limit_.set({1s, 2});
  EXPECT_EQ(taken(10), 2);
  limit_.set({1s, 2});
  EXPECT_EQ(taken(10), 0);
  limit_.set({1s, 4});
  EXPECT_EQ(taken(10), 4);
  limit_.set({});
  EXPECT_EQ(taken(10), 10);
}

TEST_F(RateLimitTest, TheExtremesAreFiguresToo) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  limit_.set({1s, 1'000'000'000});
  EXPECT_EQ(taken(1000), 1000);
  limit_.set({Nanoseconds::max(), kMost});
  EXPECT_EQ(taken(10), 2);  // a hundred years ahead
  EXPECT_GT(*limit_.take(), 10'000h);
  clock_.advance(Nanoseconds{std::numeric_limits<std::int64_t>::max() / 4});
  EXPECT_EQ(taken(10), 0);
  limit_.set({1ns, kMost});
  EXPECT_EQ(taken(1000), 1000);
  limit_.set({1ns, 1});
  EXPECT_EQ(limit_.take(), std::nullopt);
  clock_.advance(1ns);
  EXPECT_EQ(limit_.take(), std::nullopt);
}

TEST_F(RateLimitTest, AnswersWithTheWaitButForProbes) {
  limit_.set({2s, 1});
  Request request;
  request.path = "/metrics";
  EXPECT_FALSE(limit_.admit(request));
  const auto refused = limit_.admit(request);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 429);
  ASSERT_FALSE(refused->headers.empty());
  EXPECT_EQ(refused->headers.front(), Header("Retry-After", "2"));
  for (const char* probe : {"/-/healthy", "/-/ready"}) {
    request.path = probe;
    EXPECT_FALSE(limit_.admit(request)) << probe;
  }
  EXPECT_EQ(limit_.refused(), 1u);
}

}  // namespace
}  // namespace kvmtsc::http
