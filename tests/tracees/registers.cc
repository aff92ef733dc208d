// registers MS user|syscall: holds a pattern in every register and in the red zone, spinning in
// user space or through one short system call after another; the alternate signal stack and the
// signal mask must be the same at the end.
#include "tracee.h"

extern "C" int hold_registers(std::uint64_t rounds, int mode);

int main(int argc, char** argv) {
  const tracee::Run run(argc, argv);
  const bool calls = argc > 2 && std::strcmp(argv[2], "syscall") == 0;
  static char memory[64 * 1024];
  stack_t stack{};
  stack.ss_sp = memory;
  stack.ss_size = sizeof memory;
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGUSR2);
  if (::sigaltstack(&stack, nullptr) != 0 || ::sigprocmask(SIG_SETMASK, &mask, nullptr) != 0) {
    tracee::fail("set-up");
  }
  run.ready();
  const int mode = (calls ? 1 : 0) | (__builtin_cpu_supports("avx") ? 2 : 0);
  while (!run.over()) {
    if (const int differs = hold_registers(20'000, mode); differs != 0) {
      tracee::fail("a register differs", differs);
    }
  }
  stack_t stack_after{};
  sigset_t mask_after;
  if (::sigaltstack(nullptr, &stack_after) != 0 || stack_after.ss_sp != stack.ss_sp ||
      stack_after.ss_size != stack.ss_size || stack_after.ss_flags != stack.ss_flags) {
    tracee::fail("the alternate signal stack differs", stack_after.ss_flags);
  }
  sigset_t pending;
  if (::sigprocmask(SIG_SETMASK, nullptr, &mask_after) != 0 ||
      std::memcmp(&mask, &mask_after, 8) != 0 || ::sigpending(&pending) != 0 ||
      sigisemptyset(&pending) != 1) {
    tracee::fail("the signal mask differs");
  }
}
