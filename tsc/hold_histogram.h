// HoldHistogram: how long threads of VMMs were held, counted in buckets. A plain value.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace kvmtsc {

struct HoldHistogram {
  // Upper bounds, inclusive. A hold of 100 ms is where the guest's own watchdogs would notice.
  static constexpr std::array<Nanoseconds, 12> kBounds{
      std::chrono::microseconds(10),  std::chrono::microseconds(25),
      std::chrono::microseconds(50),  std::chrono::microseconds(100),
      std::chrono::microseconds(250), std::chrono::microseconds(500),
      std::chrono::milliseconds(1),   std::chrono::microseconds(2500),
      std::chrono::milliseconds(5),   std::chrono::milliseconds(10),
      std::chrono::milliseconds(25),  std::chrono::milliseconds(100)};

  void observe(Nanoseconds held);
  void add(const HoldHistogram& other);

  std::array<std::uint64_t, kBounds.size()> counts{};  // each bucket's own, not cumulative
  std::uint64_t count = 0;                             // all, those above the last bound included
  Nanoseconds sum{0};
};

}  // namespace kvmtsc
