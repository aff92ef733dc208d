#include "tests/fakes/proc_tree.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace kvmtsc::fakes {

namespace fs = std::filesystem;

ProcTree::ProcTree() {
  std::string pattern = (fs::temp_directory_path() / "kvmtsc-proc-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr || ::chmod(pattern.c_str(), 0755) != 0) {
    std::perror(pattern.c_str());
    std::abort();
  }
  directory_ = pattern;
}

ProcTree::~ProcTree() {
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

HostRoot ProcTree::root() const {
  return HostRoot{directory_, directory_ + "/no-sys", directory_ + "/no-debugfs"};
}

void ProcTree::add(const FakeProcess& process) {
  const pid_t tid = process.tid;
  remove(tid);
  fs::create_directories(path(tid, "fd"));
  const pid_t pid = process.pid != 0 ? process.pid : tid;
  std::string escaped;  // as the kernel does in status, and nowhere else
  for (const char c : process.comm) {
    escaped += c == '\n' ? std::string("\\n") : c == '\\' ? std::string("\\\\") : std::string(1, c);
  }
  write(tid, "status",
        "Name:\t" + escaped + "\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t" +
            std::to_string(pid) + "\nNgid:\t0\nPid:\t" + std::to_string(tid) + "\nPPid:\t1\n");
  write(tid, "stat",
        std::to_string(tid) + " (" + process.comm +
            ") S 1 2 3 0 -1 4194560 5 6 7 8 9 10 11 12 20 0 3 0 " +
            std::to_string(process.start_time) + " 12345678 910 18446744073709551615 1 1 0\n");
  write(tid, "comm", process.comm + "\n");
  write(tid, "cgroup", process.cgroup);
  std::string cmdline;
  for (const std::string& argument : process.argv) {
    cmdline += argument + '\0';
  }
  write(tid, "cmdline", cmdline);
  for (const auto& [fd, target] : process.fds) {
    fs::create_symlink(target, path(tid, "fd/" + std::to_string(fd)));
  }
}

void ProcTree::remove(pid_t tid) {
  fs::remove_all(path(tid, ""));
}

std::string ProcTree::path(pid_t tid, const std::string& file) const {
  return directory_ + "/" + std::to_string(tid) + "/" + file;
}

void ProcTree::write(pid_t tid, const std::string& file, const std::string& content) const {
  std::ofstream(path(tid, file), std::ios::binary | std::ios::trunc) << content;
}

}  // namespace kvmtsc::fakes
