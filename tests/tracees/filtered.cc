// filtered REQUEST ACTION PROGRAM ARGUMENT...: becomes PROGRAM, under a seccomp filter that answers
// ACTION (SECCOMP_RET_*) to ioctl REQUEST and allows all else. Numbers as strtoul(3) takes them.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: filtered REQUEST ACTION PROGRAM ARGUMENT...\n");
    return 2;
  }
  const auto request = static_cast<std::uint32_t>(std::strtoul(argv[1], nullptr, 0));
  const auto action = static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 0));
  sock_filter rules[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args) + 8),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, request, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, action),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{sizeof rules / sizeof rules[0], rules};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    std::perror("seccomp");
    return 1;
  }
  ::execvp(argv[3], argv + 3);
  std::perror(argv[3]);
  return 1;
}
