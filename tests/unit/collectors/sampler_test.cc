#include "collectors/sampler.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "tests/fakes/fake_source.h"

namespace kvmtsc {
namespace {

using std::chrono::milliseconds;

class SamplerTest : public testing::Test {
 protected:
  static bool eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 500; ++i) {
      if (condition()) {
        return true;
      }
      std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  }

  FakeHostClock host_;
  FakeSource source_{system_clock()};
  SweepOptions slow_{std::chrono::hours(1), std::chrono::seconds(1)};
};

TEST_F(SamplerTest, SweepsAtOnceAndPublishes) {
  source_.add(10, "web", {1});
  Sweep sweep(slow_, system_clock(), host_, {&source_});
  std::atomic<int> sweeps{0};
  const Sampler sampler(sweep, slow_, [&](const Snapshot&) { ++sweeps; });
  ASSERT_TRUE(eventually([&] { return sampler.latest() != nullptr; }));
  EXPECT_EQ(sampler.latest()->vms.size(), 1u);
  EXPECT_EQ(sampler.latest()->collectors.back().name, "uevents");
  EXPECT_EQ(sweeps, 1);
}

TEST_F(SamplerTest, KeepsTheInterval) {
  const SweepOptions fast{milliseconds(20), std::chrono::seconds(1)};
  Sweep sweep(fast, system_clock(), host_, {&source_});
  const Sampler sampler(sweep, fast, [](const Snapshot&) {});
  EXPECT_TRUE(eventually([&] { return sampler.latest() && sampler.latest()->sequence >= 5; }));
}

TEST_F(SamplerTest, ReconfiguresInItsOwnThread) {
  Sweep sweep(slow_, system_clock(), host_, {&source_});
  std::atomic<std::thread::id> sweeping;
  std::atomic<std::thread::id> adopting;
  Sampler sampler(sweep, slow_, [&](const Snapshot&) { sweeping = std::this_thread::get_id(); });
  ASSERT_TRUE(eventually([&] { return sampler.latest() != nullptr; }));
  sampler.reconfigure({milliseconds(20), std::chrono::seconds(1)},
                      [&] { adopting = std::this_thread::get_id(); });
  EXPECT_TRUE(eventually([&] { return sampler.latest()->sequence >= 4; }));
  EXPECT_EQ(adopting.load(), sweeping.load());
}

TEST_F(SamplerTest, RunsJobsInOrderAndSweepsSoonAfter) {
  Sweep sweep(slow_, system_clock(), host_, {&source_});
  std::atomic<std::thread::id> sweeping;
  std::atomic<int> order{0};
  std::atomic<std::thread::id> ran_in;
  Sampler sampler(sweep, slow_, [&](const Snapshot&) { sweeping = std::this_thread::get_id(); });
  ASSERT_TRUE(eventually([&] { return sampler.latest() != nullptr; }));
  sampler.run_soon([&] { order = order * 10 + 1; });
  sampler.run_soon([&] {
    order = order * 10 + 2;
    ran_in = std::this_thread::get_id();
  });
  EXPECT_TRUE(eventually([&] { return sampler.latest()->sequence >= 2; }));
  EXPECT_EQ(order, 12);
  EXPECT_EQ(ran_in.load(), sweeping.load());
}

TEST_F(SamplerTest, EndsPromptly) {
  Sweep sweep(slow_, system_clock(), host_, {&source_});
  const auto start = std::chrono::steady_clock::now();
  {
    const Sampler sampler(sweep, slow_, [](const Snapshot&) {});
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(500));
}

}  // namespace
}  // namespace kvmtsc
