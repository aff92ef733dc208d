// DebugfsSource: the host's real VMs, as KVM shows them in debugfs. Sampling thread only.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/host_root.h"
#include "collectors/debugfs/vm_directory.h"
#include "collectors/identifier.h"
#include "collectors/offset_source.h"

namespace kvmtsc {

class DebugfsSource final : public OffsetSource {
 public:
  // `identifier` and `clock` outlive this.
  DebugfsSource(const HostRoot& root, Identifier& identifier, const Clock& clock);

  std::string_view name() const override { return "debugfs"; }

  // The directories of <debugfs>/kvm named after a VM. A VM is identified when first seen, and
  // again at each call while its process is unknown. One whose process has ended though the VM is
  // still there is orphaned; who holds it is looked for then and every kHolderPatience. Without KVM
  // there are none. Errors say whether debugfs is not mounted, not readable, or not that of this
  // kernel, and what to do.
  Result<std::vector<FoundVm>> list() override;

  std::optional<bool> has_run(const VmKey& key) override;
  Result<VmReading> read(const VmKey& key, const ReadLimit& limit) override;

  static constexpr Nanoseconds kHolderPatience = std::chrono::seconds(30);

  // Identifies every VM anew at the next list(): the identifier's rules have changed.
  void forget_identities();

 private:
  struct Vm {
    Result<VmDirectory> directory;  // an error, tried again at each list(), if it cannot be opened
    VmIdentity identity{};
    bool identified = false;
    // Refers to the process of `identity`, its owner or holder, whatever becomes of its number;
    // readable once it has ended (pidfd_open(2)). Invalid where there is none to wait for.
    UniqueFd process{};
    MonotonicTime looked{};  // for a holder, last
  };

  std::string kvm_directory() const { return root_.debugfs + "/kvm"; }
  Error why_unlistable(Error error) const;
  bool kvm_is_not_loaded(const Error& error) const;
  void identify(const VmKey& key, Vm& vm);
  UniqueFd open_process(pid_t pid) const;
  void notice_ended_processes();
  void look_for_holder(const VmKey& key, Vm& vm);
  void keep_up_with(const VmKey& key, int kvm_directory, std::map<VmKey, Vm>& current);

  HostRoot root_;
  Identifier* identifier_;
  const Clock* clock_;
  std::map<VmKey, Vm> vms_;
};

}  // namespace kvmtsc
