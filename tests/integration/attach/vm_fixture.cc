#include "tests/integration/attach/vm_fixture.h"

#include <unistd.h>

#include <algorithm>

#include "attach/ptrace/thread_facts.h"
#include "attach/ptrace/vm_access.h"

namespace kvmtsc::testing {

std::optional<std::string> missing_for_vms() {
  if (::access("/dev/kvm", R_OK | W_OK) != 0) {
    return "needs /dev/kvm";
  }
  if (::access("/sys/kernel/debug/kvm", R_OK | X_OK) != 0) {
    return "needs root and debugfs (mount -t debugfs none /sys/kernel/debug)";
  }
  return std::nullopt;
}

std::vector<AttachTarget> vms_of(pid_t process) {
  const HostRoot root;
  std::vector<AttachTarget> targets;
  const auto directories = injection::read_vm_directories(root, process);
  const auto start = injection::read_start_time(root, process);
  if (directories && start) {
    for (const auto& directory : *directories) {
      targets.push_back({directory.key, process, *start});
    }
  }
  std::sort(targets.begin(), targets.end(),
            [](const AttachTarget& a, const AttachTarget& b) { return a.key.fd < b.key.fd; });
  return targets;
}

}  // namespace kvmtsc::testing
