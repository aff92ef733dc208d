// NewestRendering: keeps the Rendering of the newest snapshot that was asked for, and with it the
// snapshot. Any thread.
#pragma once

#include <memory>
#include <mutex>

#include "exporter/scrape/rendering.h"
#include "tsc/snapshot.h"

namespace kvmtsc {

class NewestRendering {
 public:
  // The same one for everybody who comes with the same snapshot, which may be null. Who has been
  // slow and comes with an older one than somebody before gets the newer one's: many such together
  // would take much memory. Snapshots are told apart by their sequence.
  std::shared_ptr<const Rendering> of(const SnapshotPtr& snapshot);

  // For when another snapshot is about to become the newest. Whoever has a rendering keeps it.
  void drop();

 private:
  std::mutex mutex_;
  std::shared_ptr<const Rendering> kept_;  // guarded by mutex_; null when there is none
};

}  // namespace kvmtsc
