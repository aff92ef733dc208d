// Vm: one virtual machine on the raw KVM interface, with its memory and vCPUs.
//
// Not thread-safe; its vCPUs' threads are its own. It leaves KVM when destroyed.
#pragma once

#include <linux/kvm.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "tests/micro_vmm/guest_code.h"
#include "tests/micro_vmm/guest_memory.h"
#include "tests/micro_vmm/vcpu.h"

namespace kvmtsc::micro_vmm {

struct VmOptions {
  std::vector<VcpuId> vcpu_ids{0};  // in the order of creation
  GuestProgram program = GuestProgram::kSpin;
  bool pvclock = false;
  // Lets HLT sleep inside KVM_RUN; without it a halted vCPU returns to user space.
  bool kernel_irqchip = false;
  std::uint32_t interval_ms = 3000;  // for which kTimer sleeps
};

class Vm {
 public:
  // `kvm_fd` is an open /dev/kvm. KVM names the VM after the calling thread.
  static Result<std::unique_ptr<Vm>> create(int kvm_fd, const VmOptions& options);

  int fd() const { return fd_.get(); }
  pid_t creator() const { return creator_; }
  std::span<const std::unique_ptr<Vcpu>> vcpus() const { return vcpus_; }
  const GuestMemory* memory() const { return memory_.get(); }  // null for idle guests

  // Hot-plugs one vCPU. An id that is in use is an error (KVM says EEXIST).
  Status add_vcpu(VcpuId id);
  Result<Vcpu*> find_vcpu(VcpuId id) const;

  // KVM_GET_CLOCK; works while vCPUs run. Its flags say which members are set.
  Result<kvm_clock_data> clock() const;

 private:
  Vm(UniqueFd fd, VmOptions options, std::size_t run_bytes);
  Status create_irqchip() const;

  UniqueFd fd_;
  const VmOptions options_;
  const std::size_t run_bytes_;
  const pid_t creator_;
  std::unique_ptr<GuestMemory> memory_;
  std::vector<std::unique_ptr<Vcpu>> vcpus_;  // destroyed before the memory they use
};

// Opens /dev/kvm; errors say what is missing.
Result<UniqueFd> open_kvm();

}  // namespace kvmtsc::micro_vmm
