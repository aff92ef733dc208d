// Rendering: what /metrics says of one Snapshot, as bytes that all scrapes of it share. Each form
// is made once, by the first that asks for it; who asks meanwhile waits for that. Any thread.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "exporter/http/gzip.h"
#include "exporter/metrics/exposition.h"
#include "tsc/snapshot.h"

namespace kvmtsc {

class Rendering {
 public:
  // Of null, before the first sweep has ended, the text is empty.
  explicit Rendering(SnapshotPtr snapshot) : snapshot_(std::move(snapshot)) {}

  const SnapshotPtr& snapshot() const { return snapshot_; }

  // The snapshot's families, as expose_part() writes them. Never null.
  std::shared_ptr<const std::string> text(ExpositionFormat format) const;

  // The same as the start of a gzip member; null where there is no memory for it.
  std::shared_ptr<const http::GzipStart> packed(ExpositionFormat format) const;

 private:
  struct Forms {
    std::shared_ptr<const std::string> text;
    std::shared_ptr<const http::GzipStart> packed;
  };
  Forms& forms(ExpositionFormat format) const;                                  // with mutex_ held
  std::shared_ptr<const std::string> made_text(ExpositionFormat format) const;  // likewise

  SnapshotPtr snapshot_;
  // Held while a form is made, one at a time: each takes several times its own size.
  mutable std::mutex mutex_;
  mutable std::array<Forms, 2> forms_;  // of each format; guarded by mutex_
};

}  // namespace kvmtsc
