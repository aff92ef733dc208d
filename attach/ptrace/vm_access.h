// VmAccess: through which descriptor and on which thread each KVM call of one VM has to be made.
//
// debugfs names a VM's directory after the descriptor it got and says which thread last ran each
// vCPU (kvm/<creator>-<fd>/vcpu<N>/pid). /proc says which descriptors are VMs and vCPUs, but not
// which vCPU belongs to which VM. Where a process owns several VMs with a vCPU of the same number,
// the vCPU's thread tells once it is stopped: it is inside ioctl(fd, KVM_RUN). Where nothing tells,
// we refuse: a call on another VM's vCPU could block for ever.
#pragma once

#include <sys/user.h>

#include <map>
#include <optional>
#include <vector>

#include "attach/ptrace/kvm_files.h"
#include "attach/ptrace/tid.h"
#include "attach/target.h"
#include "base/host_root.h"
#include "base/result.h"

namespace kvmtsc::injection {

// A VM's directory in debugfs. A vCPU that has not run yet has no thread; the number of one whose
// thread has ended stays, and may be another process's by now.
struct VmDirectory {
  VmKey key;
  std::map<VcpuId, std::optional<Tid>> vcpus;
  bool threads_known = true;  // false where the kernel does not say which threads run vCPUs
};

struct VcpuAccess {
  Tid thread;
  FileDescriptors descriptors;  // any of them may be the one
  bool ambiguous = false;       // they are of several files, of which KVM_RUN shows the right one
};

struct VmAccess {
  int vm_fd = -1;
  std::map<VcpuId, VcpuAccess> vcpus;  // those that a living thread runs
  // Those that no thread runs: they have not run yet, or their thread has ended. By the one
  // descriptor of each; left out where it could be another VM's.
  std::map<VcpuId, int> parked;
  // That run no vCPU of any VM, and are not the kernel's own; the main thread first.
  std::vector<Tid> other_threads;
};

// The directories of all VMs that `process` owns.
Result<std::vector<VmDirectory>> read_vm_directories(const HostRoot& root, pid_t process);

// Puts it together. kRefused where it would be a guess, kUnsupported where the kernel does not tell
// vCPUs' threads from others, kGone where the VM is not there any more.
// Pure.
Result<VmAccess> find_access(const VmKey& vm, const KvmFiles& files,
                             const std::vector<VmDirectory>& directories,
                             const std::vector<Tid>& threads, pid_t process);

// All of the above for one VM, after checking that the process is still the same one and that our
// PID namespace is the one KVM's numbers are of.
Result<VmAccess> resolve(const HostRoot& root, const AttachTarget& vm);

// The vCPU's descriptor, where there is nothing to choose from. Pure.
std::optional<int> only_descriptor(const VcpuAccess& access);

// The thread that runs the vCPU now.
Result<Tid> read_vcpu_thread(const HostRoot& root, const VmKey& vm, VcpuId vcpu);

// The descriptor to use for a vCPU whose thread is stopped with these registers. kRefused when the
// thread is inside KVM_RUN of another vCPU, or when that is needed to tell and it is outside. Pure.
Result<int> choose_descriptor(VcpuId vcpu, const VcpuAccess& access,
                              const user_regs_struct& stopped);
bool inside_kvm_run(const user_regs_struct& stopped);

}  // namespace kvmtsc::injection
