#include "tsc/hold_histogram.h"

#include <algorithm>

namespace kvmtsc {

void HoldHistogram::observe(Nanoseconds held) {
  const auto bucket = std::ranges::lower_bound(kBounds, held);
  if (bucket != kBounds.end()) {
    ++counts[static_cast<std::size_t>(bucket - kBounds.begin())];
  }
  ++count;
  sum += held;
}

void HoldHistogram::add(const HoldHistogram& other) {
  for (std::size_t i = 0; i < counts.size(); ++i) {
    counts[i] += other.counts[i];
  }
  count += other.count;
  sum += other.sum;
}

}  // namespace kvmtsc
