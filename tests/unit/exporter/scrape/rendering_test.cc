#include "exporter/scrape/rendering.h"

#include <barrier>
#include <thread>
#include <vector>

#include <gmock/gmock.h>

#include "snapshots.h"

namespace kvmtsc {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr ExpositionFormat kFormats[] = {ExpositionFormat::kText, ExpositionFormat::kOpenMetrics};

TEST(Rendering, SaysWhatTheSnapshotDoesAndEndsNothing) {
  const Rendering rendering(snapshot_of(2));
  for (const auto format : kFormats) {
    const auto text = rendering.text(format);
    EXPECT_THAT(*text, HasSubstr("kvm_tsc_vm_vcpus{vm=\"vm-1\"} 2\n"));
    EXPECT_THAT(*text, HasSubstr("kvm_tsc_last_sweep_timestamp_seconds"));
    EXPECT_THAT(*text, Not(HasSubstr("# EOF")));
    EXPECT_EQ(rendering.packed(format)->size, text->size());
  }
}

TEST(Rendering, OfNoSnapshotIsEmpty) {
  const Rendering rendering(nullptr);
  EXPECT_EQ(*rendering.text(ExpositionFormat::kOpenMetrics), "");
  EXPECT_EQ(rendering.packed(ExpositionFormat::kOpenMetrics)->size, 0u);
}

// That all have the same bytes at the same place shows that they were made once.
TEST(Rendering, MakesEachFormOnceHoweverManyAskAtOnce) {
  constexpr std::size_t kScrapers = 32;
  const Rendering rendering(snapshot_of(200));
  std::vector<const void*> texts(kScrapers);
  std::vector<const void*> packed(kScrapers);
  std::barrier start(kScrapers);
  std::vector<std::thread> scrapers;
  for (std::size_t i = 0; i < kScrapers; ++i) {
    scrapers.emplace_back([&, i] {
      start.arrive_and_wait();
      const ExpositionFormat format = kFormats[i % 2];
      if (i % 4 < 2) {
        texts[i] = rendering.text(format)->data();
        packed[i] = rendering.packed(format)->bytes.data();
      } else {
        packed[i] = rendering.packed(format)->bytes.data();
        texts[i] = rendering.text(format)->data();
      }
    });
  }
  for (std::thread& scraper : scrapers) {
    scraper.join();
  }
  for (std::size_t i = 0; i < kScrapers; ++i) {
    EXPECT_EQ(texts[i], texts[i % 2]) << i;
    EXPECT_EQ(packed[i], packed[i % 2]) << i;
  }
  EXPECT_NE(texts[0], texts[1]);
}

}  // namespace
}  // namespace kvmtsc
