// AuditWatch: knows whether the audit can be written, before a correction has to find out. It
// writes at an interval, in a thread of its own, for a disk may take its time, and logs once when
// writing begins to fail and once when it works again. Any thread.
#pragma once

#include <mutex>
#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "corrections/journal.h"
#include "exporter/periodically.h"

namespace kvmtsc {

class AuditWatch {
 public:
  // Looks at once, and then every `interval`. `journal` outlives this.
  explicit AuditWatch(Journal& journal, Nanoseconds interval = std::chrono::seconds(15));
  // Waits for a write that is under way.
  ~AuditWatch() = default;
  AuditWatch(const AuditWatch&) = delete;
  AuditWatch& operator=(const AuditWatch&) = delete;

  // The outcome of the last look; absent before the first has ended.
  std::optional<Status> latest() const;

 private:
  void look();
  void note(const Status& now);

  Journal* journal_;
  mutable std::mutex mutex_;
  std::optional<Status> latest_;  // guarded by mutex_
  Periodically looking_;          // last: it ends before what it looks at
};

}  // namespace kvmtsc
