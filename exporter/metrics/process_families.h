// ProcessFamilies: process_*, as Prometheus client libraries name them, of this process, from
// /proc/self. Read at most once a second, for that costs several times what all else in a scrape
// does: the kernel adds up over all threads and lists all descriptors. Any thread.
#pragma once

#include <mutex>
#include <optional>

#include "base/clock.h"
#include "exporter/metrics/families.h"

namespace kvmtsc {

class ProcessFamilies {
 public:
  // `clock` outlives it.
  explicit ProcessFamilies(const Clock& clock) : clock_(&clock) {}

  // As they were less than a second ago. What cannot be read is left out.
  void append_to(Families& families);

 private:
  const Clock* clock_;
  std::mutex mutex_;
  std::optional<MonotonicTime> read_at_;  // guarded by mutex_, like the next
  Families read_;
};

}  // namespace kvmtsc
