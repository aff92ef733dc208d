// KvmFiles: which file descriptors of a process are VMs and vCPUs, from /proc/<pid>/fd.
#pragma once

#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "base/host_root.h"
#include "base/result.h"
#include "tsc/reading.h"

namespace kvmtsc::injection {

// One open file may have several descriptors (dup(2)): each inner list holds those of one file.
using FileDescriptors = std::vector<int>;

struct KvmFiles {
  std::vector<FileDescriptors> vms;
  std::map<VcpuId, std::vector<FileDescriptors>> vcpus;
};

// The vCPU id of "anon_inode:kvm-vcpu:<id>"; absent for any other link.
std::optional<VcpuId> vcpu_of_link(std::string_view link);
bool is_vm_link(std::string_view link);

// Descriptors that vanish meanwhile are left out. kGone, kPermission.
Result<KvmFiles> read_kvm_files(const HostRoot& root, pid_t process);

}  // namespace kvmtsc::injection
