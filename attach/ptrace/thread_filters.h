// Reading the seccomp filters of a thread that stands still (PTRACE_SECCOMP_GET_FILTER;
// seccomp_get_filter() in kernel/seccomp.c), and seeing that they are still those that were judged.
//
// The kernel hands them to a tracer with CAP_SYS_ADMIN that is not itself under seccomp, and only
// where it is built with CONFIG_CHECKPOINT_RESTORE.
#pragma once

#include <vector>

#include "attach/ptrace/attachment.h"
#include "attach/ptrace/seccomp_filter.h"
#include "attach/ptrace/thread_facts.h"

namespace kvmtsc::injection {

// Whether this process may read filters, and if not what is missing; from /proc alone.
Status may_read_filters(const HostRoot& root);

// All filters of the thread, the oldest first. kRefused when there are not `count`; kPermission.
Result<std::vector<std::vector<sock_filter>>> read_filters(const Stop& stop, unsigned count);

// The filters that a thread had when it was looked at, to be compared with those that it has when
// it stands still.
class FilterWatch {
 public:
  FilterWatch(const HostRoot& root, const ThreadFacts& looked_at);

  // kRefused when the thread has been given a filter since. Another thread of its process can do
  // that at any time (SECCOMP_FILTER_FLAG_TSYNC), so this belongs right before the first call.
  // Allocates only on failure; reads /proc where a thread had no filters and the kernel does not
  // tell us in a cheaper way.
  Status unchanged(const HostRoot& root, const Stop& stop) const;

 private:
  pid_t process_;
  unsigned mode_;
  unsigned count_;
  bool kernel_tells_;
};

}  // namespace kvmtsc::injection
