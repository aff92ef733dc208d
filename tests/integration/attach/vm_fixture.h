// What tests on real VMs share: a VMM to attach to, and how KVM lists its VMs.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attach/ptrace/session.h"
#include "attach/target.h"
#include "tests/integration/micro_vmm.h"
#include "tests/integration/qemu.h"

namespace kvmtsc::testing {

// Why no VM, or no QEMU, can be run and found here; absent if one can.
std::optional<std::string> missing_for_vms();
std::optional<std::string> missing_for_qemu();

// The VMs that `process` has created, from debugfs, ascending by descriptor.
std::vector<AttachTarget> vms_of(pid_t process);

// Options and a deadline with patience: a busy machine is not what is tested.
injection::PtraceOptions patient();
MonotonicTime soon();

// A micro-vmm whose guests spin and whose vCPUs have all run; or one whose guests are idle, so that
// no vCPU has a thread.
class SpinningVmm {
 public:
  // `valid()` is false when it does not come up.
  explicit SpinningVmm(unsigned vcpus, unsigned vms = 1) : SpinningVmm(vcpus, vms, "spin") {}
  static SpinningVmm idle(unsigned vcpus) { return SpinningVmm(vcpus, 1, "idle"); }

  bool valid() const { return vmm_ != nullptr; }
  pid_t pid() const { return vmm_->pid(); }
  integration::Process& process() { return vmm_->process(); }
  AttachTarget vm(std::size_t index = 0) const { return vms_of(pid()).at(index); }

  // The protocol's command, for each VM; false when one fails.
  bool command(const std::string& command);
  // Its guests run or can run again, and it ends in order.
  bool ends_well();
  // It answers, for each of its vCPUs, and ends in order; also where some of them have no thread.
  bool answers_and_ends();

 private:
  SpinningVmm(unsigned vcpus, unsigned vms, const char* guest);
  bool ends();

  std::unique_ptr<integration::MicroVmm> vmm_;
  unsigned vms_;
};

// A QEMU whose vCPUs have all run; null when it does not come up. `arguments` and `wrapper` as in
// QemuOptions.
std::unique_ptr<integration::Qemu> start_qemu(unsigned vcpus,
                                              const std::vector<std::string>& arguments = {},
                                              const std::vector<std::string>& wrapper = {});
// "stop" answers only once every vCPU thread has left the guest: together they show that each
// lives.
bool stop_and_continue(integration::Qemu& qemu);
bool quits(integration::Qemu& qemu);

}  // namespace kvmtsc::testing
