// ThreadFacts: what /proc says of a thread that matters before anyone attaches to it, and the
// decision whether to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "attach/ptrace/tid.h"
#include "base/host_root.h"
#include "base/result.h"

namespace kvmtsc::injection {

inline constexpr unsigned kSeccompStrict = 1;
inline constexpr unsigned kSeccompFilter = 2;

struct ThreadFacts {
  char state = '?';      // proc(5): R S D T t Z X I
  pid_t process = 0;     // Tgid
  pid_t tracer = 0;      // TracerPid; 0 if none
  unsigned seccomp = 0;  // 0 none, 1 strict, 2 filter
  // How many filters it is under; absent where the kernel does not say (Linux 5.9 does).
  std::optional<unsigned> seccomp_filters = {};
  bool shadow_stack = false;  // user shadow stack: the kernel checks where `ret` leads
};

// /proc/<pid>/task/<tid>/status. kInvalid when a field is missing or malformed.
Result<ThreadFacts> parse_thread_facts(std::string_view status_text);
Result<ThreadFacts> read_thread_facts(const HostRoot& root, pid_t process, Tid thread);

// In clock ticks after boot; with the pid it names one process for ever.
Result<std::uint64_t> read_start_time(const HostRoot& root, pid_t process);
// The same of a thread.
Result<std::uint64_t> read_thread_start(const HostRoot& root, pid_t process, Tid thread);
// Whether the kernel made the thread for work of its own and it never runs the program's code:
// io_uring's workers, vhost's, KVM's recovery of huge pages.
Result<bool> is_kernel_worker(const HostRoot& root, pid_t process, Tid thread);
// The CPU that the thread ran on last.
Result<std::uint64_t> read_last_cpu(const HostRoot& root, pid_t process, Tid thread);

// What the operator allows.
struct AttachPolicy {
  // Where the thread's seccomp filters do not allow our calls, or cannot be judged: lift them while
  // the calls run (PTRACE_O_SUSPEND_SECCOMP; needs CAP_SYS_ADMIN). If this process is killed in
  // those microseconds the filter sees the rest.
  bool suspend_seccomp = false;
};

// kRefused or kGone with a remedy, if attaching to a thread of which these are the facts would not
// be safe; `process` is the one it should belong to. Of seccomp nothing is asked here (session.h).
Status admit(const ThreadFacts& facts, pid_t process, Tid thread);

// kRefused unless the process runs a 64-bit x86-64 executable (i386 and x32 are not supported).
Status admit_executable(const HostRoot& root, pid_t process);
// The same from the first 20 bytes of the executable.
Status admit_elf_header(std::string_view first_bytes, pid_t process);

}  // namespace kvmtsc::injection
