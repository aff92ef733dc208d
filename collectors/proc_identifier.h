// ProcIdentifier: identifies VMs by what /proc says of the processes that own them.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/host_root.h"
#include "collectors/identifier.h"
#include "collectors/identity_rules.h"
#include "tsc/vm.h"

namespace kvmtsc {

// Which process. The thread that created the VM and those that run its vCPUs each lead to a process
// (KVM lets only the creator's address space use a VM). Any of these TIDs may have ended and been
// given to a stranger, so that:
//  1. The process with most vCPU threads is asked first, then the others; the creator's breaks
//  ties.
//     Of the vCPU threads the first kMaxThreads are looked at.
//  2. A process is believed only if it holds a descriptor of a KVM VM: key.fd, or any, for it may
//     have been duplicated and closed.
//  3. Where descriptors may not be read (we are not root and lack CAP_SYS_PTRACE), a process is
//     believed if both the creator and a vCPU thread lead to it, or if its command line is that of
//     a VMM; else the pid stays 0, for a wrong identity is worse than none.
//  4. The start time is read before everything else of a process and again after it, and the
//  threads
//     are led to their process again; if anything changed, all begins anew, at most kAttempts
//     times.
// What remains undetected is a stranger that itself owns a VM and was given the creator's TID while
// the VM has no vCPU thread to speak for it.
//
// Several VMs of one process get the same identity; LabelBook tells them apart. A process in a
// container is seen under its PID of our own PID namespace, which must be the initial one, as KVM's
// numbers are of that one.
//
// Rules come first, the built-in ones (command_line.h) fill what they leave empty; the name falls
// back to "<comm>-<pid>", then to "vm-<directory_name>". Text is cut to kMaxText bytes.
//
// KVM tells of a new VM before the creator holds its descriptor (kvm_dev_ioctl_create_vm()), so a
// VM may be unidentifiable (pid 0) for some microseconds: ask again in the next sweep.
//
// Costs about 10 reads of /proc plus one for each vCPU thread: for new VMs, not for every sweep.
class ProcIdentifier final : public Identifier {
 public:
  ProcIdentifier(HostRoot root, IdentityRules rules);

  VmIdentity identify(const VmKey& key, std::span<const pid_t> vcpu_threads) override;

  bool owner_has_ended(const VmKey& key, std::span<const pid_t> vcpu_threads) override;
  pid_t find_holder(const VmKey& key, const std::set<pid_t>& owners) override;

  // For the identifications from now on.
  void set_rules(IdentityRules rules) { rules_ = std::move(rules); }

  static constexpr std::size_t kMaxThreads = 16;
  static constexpr int kAttempts = 3;
  static constexpr std::size_t kMaxText = 4096;

 private:
  struct Candidate;
  struct Outcome;

  std::vector<Candidate> candidates(const VmKey& key, std::span<const pid_t> vcpu_threads) const;
  Outcome examine(const Candidate& candidate, const VmKey& key) const;
  Error why_unknown(const VmKey& key, const std::vector<Candidate>& asked) const;
  std::optional<VmIdentity> describe(const Candidate& candidate, const VmKey& key) const;

  HostRoot root_;
  IdentityRules rules_;
};

}  // namespace kvmtsc
