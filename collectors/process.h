// Process: one process or thread of this host, read from its directory under /proc.
//
// /proc/<tid> exists for every thread, though only thread-group leaders are listed (proc(5)). A
// process can end, and its number be given to another, between any two of these calls: whoever
// combines several reads the start time before and after them and compares.
//
// All text is as the kernel gives it, which need not be UTF-8. Once the process has ended, all
// reads give kNotFound or kGone. No state; any thread.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/host_root.h"
#include "base/result.h"

namespace kvmtsc {

class Process {
 public:
  Process(const HostRoot& root, pid_t id) : directory_(root.proc + "/" + std::to_string(id)) {}

  // The process this thread belongs to ("Tgid" of status).
  Result<pid_t> thread_group() const;

  // Field 22 of stat, in clock ticks after boot.
  Result<std::uint64_t> start_time() const;

  // At most 15 bytes of anything: the program's name until it or a debugger says otherwise.
  Result<std::string> comm() const;

  // argv. Empty for kernel threads and zombies; for a process that overwrote its argv, whatever it
  // wrote. Empty arguments at the end are dropped (overwriting pads with NULs). What goes beyond
  // kMaxCommandLine bytes is dropped, with the argument that is cut by it.
  Result<std::vector<std::string>> arguments() const;
  static constexpr std::size_t kMaxCommandLine = std::size_t{256} * 1024;

  // Path in the cgroup hierarchy, as seen from our cgroup namespace: that of cgroup v2, of the v1
  // hierarchy "name=systemd" or of the first v1 controller, whichever first is not "/".
  Result<std::string> cgroup() const;

  // Whether descriptor `fd`, or any, is a KVM VM ("anon_inode:kvm-vm", kvm_dev_ioctl_create_vm() in
  // virt/kvm/kvm_main.c). kPermission without PTRACE_MODE_READ access (ptrace(2)).
  Result<bool> is_vm(int fd) const;
  Result<bool> has_vm() const;

 private:
  std::string directory_;
};

}  // namespace kvmtsc
