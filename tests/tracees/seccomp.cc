// seccomp MS strict|filter: under a filter that allows only what its loop needs; any other call
// kills.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "tracee.h"

namespace {

// The raw call: the C library's _exit uses exit_group, which strict mode does not allow.
[[noreturn]] void leave(int code) {
  for (;;) {
    ::syscall(SYS_exit, code);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const tracee::Run run(argc, argv);
  const bool strict = argc > 2 && std::strcmp(argv[2], "strict") == 0;
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (strict) {
    run.ready();
    if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) {
      tracee::fail("seccomp strict");
    }
    // Strict mode forbids reading the time-stamp counter as well, so time is counted in calls.
    for (long calls = std::atol(argv[1]) * 2000; calls > 0; --calls) {
      ::syscall(SYS_write, -1, nullptr, 0);
    }
    leave(0);
  }
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 3, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{sizeof rules / sizeof rules[0], rules};
  run.ready();
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    tracee::fail("seccomp filter");
  }
  while (!run.over()) {
    ::syscall(SYS_write, -1, nullptr, 0);
  }
  leave(0);
}
