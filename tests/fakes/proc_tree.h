// ProcTree: a private /proc of made-up processes, in a temporary directory that it removes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/host_root.h"

namespace kvmtsc::fakes {

struct FakeProcess {
  pid_t tid = 0;
  pid_t pid = 0;  // the thread group; 0: the thread itself leads it
  std::string comm = "program";
  std::vector<std::string> argv{};  // none: an empty cmdline, as of a kernel thread
  std::uint64_t start_time = 1000;
  std::string cgroup = "0::/system.slice\n";
  std::map<int, std::string> fds{};  // descriptor -> target of its link
};

inline constexpr const char* kVmLink = "anon_inode:kvm-vm";

class ProcTree {
 public:
  ProcTree();  // aborts the test program if the directory cannot be made
  ~ProcTree();
  ProcTree(const ProcTree&) = delete;
  ProcTree& operator=(const ProcTree&) = delete;

  // With this tree as /proc and nothing else to be found.
  HostRoot root() const;

  // Adds a process or thread; replaces what has its tid.
  void add(const FakeProcess& process);
  void remove(pid_t tid);

  std::string path(pid_t tid, const std::string& file) const;
  void write(pid_t tid, const std::string& file, const std::string& content) const;

 private:
  std::string directory_;
};

}  // namespace kvmtsc::fakes
