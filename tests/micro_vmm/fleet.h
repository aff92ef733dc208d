// Fleet: the VMs of this process, by index, and the thread that creates them. Not thread-safe.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "tests/micro_vmm/vm.h"

namespace kvmtsc::micro_vmm {

// KVM names a VM after the thread that created it.
enum class Creator {
  kMainThread,
  kOtherThread,  // one that lives as long as the fleet
  kEndedThread,  // one that has ended by the time the VM is there
};

class Fleet {
 public:
  Fleet(UniqueFd kvm, VmOptions options, Creator creator);
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  // Adds a VM with the fleet's options and gives its index; indices are not used again.
  Result<std::size_t> add();
  Status close(std::size_t index);
  Result<Vm*> find(std::size_t index) const;
  std::vector<std::size_t> indices() const;  // of the VMs that are not closed; ascending

 private:
  class CreatorThread;
  void on_creator_thread(const std::function<void()>& task);

  UniqueFd kvm_;
  const VmOptions options_;
  const Creator creator_;
  std::unique_ptr<CreatorThread> thread_;
  std::vector<std::unique_ptr<Vm>> vms_;  // null once closed
};

}  // namespace kvmtsc::micro_vmm
