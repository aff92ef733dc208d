#include "exporter/scrape/newest_rendering.h"

#include <cstdint>

namespace kvmtsc {
namespace {

// Of none it is before the first one's.
std::uint64_t sequence_of(const SnapshotPtr& snapshot) {
  return snapshot == nullptr ? 0 : snapshot->sequence;
}

}  // namespace

std::shared_ptr<const Rendering> NewestRendering::of(const SnapshotPtr& snapshot) {
  const std::lock_guard lock(mutex_);
  if (kept_ == nullptr || sequence_of(kept_->snapshot()) < sequence_of(snapshot)) {
    kept_ = std::make_shared<const Rendering>(snapshot);
  }
  return kept_;
}

void NewestRendering::drop() {
  const std::lock_guard lock(mutex_);
  kept_ = nullptr;
}

}  // namespace kvmtsc
