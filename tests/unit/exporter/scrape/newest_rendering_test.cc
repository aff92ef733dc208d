#include "exporter/scrape/newest_rendering.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "snapshots.h"

namespace kvmtsc {
namespace {

TEST(NewestRendering, IsSharedByAllWithTheSameSnapshot) {
  NewestRendering newest;
  const auto snapshot = snapshot_of(1);
  const auto rendering = newest.of(snapshot);
  EXPECT_EQ(rendering->snapshot(), snapshot);
  EXPECT_EQ(newest.of(snapshot), rendering);
  EXPECT_NE(newest.of(snapshot_of(1, 2)), rendering);
}

TEST(NewestRendering, KnowsThatThereWasNoSweepYet) {
  NewestRendering newest;
  const auto before = newest.of(nullptr);
  EXPECT_EQ(newest.of(nullptr), before);
  const auto snapshot = snapshot_of(1);
  EXPECT_EQ(newest.of(snapshot), newest.of(snapshot));
}

TEST(NewestRendering, GoesWithItsSnapshot) {
  NewestRendering newest;
  auto snapshot = snapshot_of(1);
  const std::weak_ptr<const Snapshot> old = snapshot;
  std::weak_ptr<const Rendering> rendering = newest.of(snapshot);
  snapshot.reset();
  EXPECT_FALSE(rendering.expired());
  newest.drop();
  EXPECT_TRUE(rendering.expired());
  EXPECT_TRUE(old.expired());
}

TEST(NewestRendering, GoesWhenANewerIsAskedFor) {
  NewestRendering newest;
  const std::weak_ptr<const Rendering> rendering = newest.of(snapshot_of(1, 1));
  newest.of(snapshot_of(1, 2));
  EXPECT_TRUE(rendering.expired());
}

TEST(NewestRendering, OfAnOlderIsThatOfTheNewer) {
  NewestRendering newest;
  const auto newer = newest.of(snapshot_of(2, 2));
  EXPECT_EQ(newest.of(snapshot_of(1, 1)), newer);
  EXPECT_EQ(newest.of(nullptr), newer);
}

TEST(NewestRendering, NobodyGetsAnOlderThanTheirsWhileItIsReplaced) {
  NewestRendering newest;
  std::mutex mutex;
  SnapshotPtr latest = snapshot_of(20, 1);
  std::atomic<int> wrong = 0;
  std::vector<std::thread> scrapers;
  for (int i = 0; i < 8; ++i) {
    scrapers.emplace_back([&] {
      for (int scrape = 0; scrape < 50; ++scrape) {
        const SnapshotPtr mine = [&] {
          const std::lock_guard lock(mutex);
          return latest;
        }();
        const auto rendering = newest.of(mine);
        wrong += rendering->snapshot()->sequence >= mine->sequence &&
                         !rendering->text(ExpositionFormat::kText)->empty()
                     ? 0
                     : 1;
      }
    });
  }
  for (std::uint64_t sequence = 2; sequence < 50; ++sequence) {
    newest.drop();
    const std::lock_guard lock(mutex);
    latest = snapshot_of(20, sequence);
  }
  for (std::thread& scraper : scrapers) {
    scraper.join();
  }
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace kvmtsc
