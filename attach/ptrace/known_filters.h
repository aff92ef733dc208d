// KnownFilters: the seccomp filters of threads that are attached to again and again.
//
// Filters are only ever added to a thread, never taken away or replaced (seccomp_attach_filter(),
// seccomp_can_sync_threads() in kernel/seccomp.c): a thread that has as many as before has the same
// ones. Any thread may use it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "attach/ptrace/seccomp_filter.h"
#include "attach/ptrace/tid.h"

namespace kvmtsc::injection {

// The oldest first; never null.
using FilterList = std::shared_ptr<const std::vector<SeccompFilter>>;

class KnownFilters {
 public:
  // Which thread, for ever.
  struct Thread {
    Tid id;
    std::uint64_t start = 0;  // field 22 of its stat
    friend auto operator<=>(const Thread&, const Thread&) = default;
  };

  // Null unless there are `count` and all are known.
  std::shared_ptr<const std::vector<SeccompFilter>> find(const Thread& thread,
                                                         std::size_t count) const;
  // Threads of one VMM mostly have the same filters, which are kept once.
  void keep(const Thread& thread, std::vector<SeccompFilter> filters);

 private:
  mutable std::mutex mutex_;
  std::map<Thread, FilterList> known_;
};

}  // namespace kvmtsc::injection
