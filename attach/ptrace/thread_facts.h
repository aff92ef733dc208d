// ThreadFacts: what /proc says of a thread that matters before anyone attaches to it, and the
// decision whether to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "attach/ptrace/tid.h"
#include "base/host_root.h"
#include "base/result.h"

namespace kvmtsc::injection {

struct ThreadFacts {
  char state = '?';           // proc(5): R S D T t Z X I
  pid_t process = 0;          // Tgid
  pid_t tracer = 0;           // TracerPid; 0 if none
  unsigned seccomp = 0;       // 0 none, 1 strict, 2 filter
  bool shadow_stack = false;  // user shadow stack: the kernel checks where `ret` leads
};

// /proc/<pid>/task/<tid>/status. kInvalid when a field is missing or malformed.
Result<ThreadFacts> parse_thread_facts(std::string_view status_text);
Result<ThreadFacts> read_thread_facts(const HostRoot& root, pid_t process, Tid thread);

// In clock ticks after boot; with the pid it names one process for ever.
Result<std::uint64_t> read_start_time(const HostRoot& root, pid_t process);
// The CPU that the thread ran on last.
Result<std::uint64_t> read_last_cpu(const HostRoot& root, pid_t process, Tid thread);

// What the operator allows.
struct AttachPolicy {
  // Lift the seccomp filter of the thread while our calls run (PTRACE_O_SUSPEND_SECCOMP; needs
  // CAP_SYS_ADMIN). If this process is killed in those microseconds the filter sees the rest.
  bool suspend_seccomp = false;
};

// kRefused or kGone with a remedy, if attaching to a thread of which these are the facts would not
// be safe; `process` is the one it should belong to.
Status admit(const ThreadFacts& facts, pid_t process, Tid thread, const AttachPolicy& policy);

// kRefused unless the process runs a 64-bit x86-64 executable (i386 and x32 are not supported).
Status admit_executable(const HostRoot& root, pid_t process);
// The same from the first 20 bytes of the executable.
Status admit_elf_header(std::string_view first_bytes, pid_t process);

}  // namespace kvmtsc::injection
