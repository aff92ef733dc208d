// Which VM: the key under which the kernel knows it, and what people call it. Plain values.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace kvmtsc {

// KVM names a VM after the thread that created it and the file descriptor it got:
// <debugfs>/kvm/<creator>-<fd> (kvm_create_vm_debugfs() in virt/kvm/kvm_main.c). Both numbers are
// re-used; `incarnation` (the directory's inode number) tells successive VMs of one name apart.
struct VmKey {
  pid_t creator = 0;  // a TID of the initial PID namespace; not necessarily a PID
  int fd = -1;
  std::uint64_t incarnation = 0;
  friend auto operator<=>(const VmKey&, const VmKey&) = default;
};

// "<creator>-<fd>": the name of the VM's directory.
inline std::string directory_name(const VmKey& key) {
  return std::to_string(key.creator) + "-" + std::to_string(key.fd);
}

// All text is valid UTF-8. What is not known is empty or 0.
struct VmIdentity {
  std::string name;  // as the operator calls it; need not be unique on the host
  std::string uuid;  // as given to the VMM
  std::string
      vmm;  // "qemu", "firecracker", "cloud-hypervisor", "crosvm", "kvmtool", "gvisor", else comm
  pid_t pid = 0;  // the process that owns the VM; 0 if it could not be found
  // Field 22 of /proc/<pid>/stat: clock ticks after boot; with pid it names one process for ever.
  std::uint64_t process_start = 0;
  // The process that owned it has ended (pid is 0 then), and the kernel keeps the VM because
  // somebody holds its descriptors: `holder` if it could be found, else 0.
  bool orphaned = false;
  pid_t holder = 0;
  // Why pid is 0; absent where it is not, and of simulated VMs.
  std::optional<Error> process_unknown = {};
};

}  // namespace kvmtsc
