#include "attach/ptrace/thread_filters.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <string>

#include "base/file.h"
#include "base/proc_text.h"

namespace kvmtsc::injection {
namespace {

// From linux/ptrace.h, which does not go together with sys/ptrace.h.
constexpr int kGetFilter = 0x420c;

// The number of instructions, or a negative errno. ENOENT where there is no filter of that index.
long get_filter(Tid thread, unsigned index, sock_filter* into) {
  const long size = ::syscall(SYS_ptrace, kGetFilter, thread.value, index, into);
  return size < 0 ? -errno : size;
}

Error changed(Tid thread) {
  return Error{ErrorKind::kRefused,
               "thread " + std::to_string(thread.value) +
                   " was given a seccomp filter since it was looked at",
               "try again"};
}

Error unreadable(const std::string& why, std::string remedy) {
  return Error{ErrorKind::kRefused, why, std::move(remedy)};
}

// CONFIG_CHECKPOINT_RESTORE alone makes this file.
bool kernel_shows_filters(const HostRoot& root) {
  return ::access((root.proc + "/sys/kernel/ns_last_pid").c_str(), F_OK) == 0;
}

}  // namespace

Status may_read_filters(const HostRoot& root) {
  constexpr std::size_t kLargest = 65'536;
  const auto status = read_file(root.proc + "/self/status", kLargest);
  if (!status) {
    return status.error();
  }
  const auto effective = status_field(*status, "CapEff");
  std::uint64_t capabilities = 0;
  if (effective) {
    std::from_chars(effective->data(), effective->data() + effective->size(), capabilities, 16);
  }
  if ((capabilities >> CAP_SYS_ADMIN & 1U) == 0) {
    return unreadable("the service has no CAP_SYS_ADMIN", "grant the service CAP_SYS_ADMIN");
  }
  if (status_field(*status, "Seccomp").value_or("0") != "0") {
    return unreadable("the service is under seccomp itself",
                      "run the service without a seccomp filter (systemd: no SystemCallFilter=)");
  }
  if (!kernel_shows_filters(root)) {
    return unreadable("this kernel is built without CONFIG_CHECKPOINT_RESTORE",
                      "use a kernel with CONFIG_CHECKPOINT_RESTORE");
  }
  return ok_status();
}

Result<std::vector<std::vector<sock_filter>>> read_filters(const Stop& stop, unsigned count) {
  const Tid thread = stop.thread();
  std::vector<std::vector<sock_filter>> filters(count);
  for (unsigned index = 0; index < count; ++index) {
    const long size = get_filter(thread, index, nullptr);
    if (size > 0) {
      filters[index].resize(static_cast<std::size_t>(size));
    }
    const long got = size > 0 ? get_filter(thread, index, filters[index].data()) : size;
    if (got == -ENOENT || (size > 0 && got != size)) {
      return changed(thread);
    }
    if (got < 0) {
      return errno_error(static_cast<int>(-got),
                         "PTRACE_SECCOMP_GET_FILTER on thread " + std::to_string(thread.value));
    }
  }
  if (get_filter(thread, count, nullptr) != -ENOENT) {
    return changed(thread);
  }
  return filters;
}

FilterWatch::FilterWatch(const HostRoot& root, const ThreadFacts& looked_at)
    : process_(looked_at.process),
      mode_(looked_at.seccomp),
      count_(looked_at.seccomp_filters.value_or(0)),
      kernel_tells_(kernel_shows_filters(root)) {}

Status FilterWatch::unchanged(const HostRoot& root, const Stop& stop) const {
  const Tid thread = stop.thread();
  const long beyond = get_filter(thread, count_, nullptr);
  if (beyond == -ENOENT) {
    return ok_status();
  }
  if (mode_ == kSeccompFilter || beyond >= 0) {
    return changed(thread);
  }
  if (beyond == -EINVAL && kernel_tells_) {
    return ok_status();  // it has none
  }
  const auto now = read_thread_facts(root, process_, thread);
  if (!now) {
    return now.error();
  }
  return now->seccomp == mode_ ? ok_status() : Status{changed(thread)};
}

}  // namespace kvmtsc::injection
