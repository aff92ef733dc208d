// seccomp MS MODE [COUNT]: under COUNT (1) filters of the same kind.
//
//   strict     strict mode
//   list       only what its loop needs is allowed; any other call kills
//   kill, trap, errno, notif, trace, log
//              what getpid() is answered; nobody listens, nobody traces
//   i386       kills calls of another architecture
//   sync       none at first; on SIGUSR1 another thread gives all threads one that kills for
//              getpid(). With COUNT, so many before that allow everything
//   grow       another thread gives all threads one more that allows everything, again and again
//   restart    waits with timeouts, while restart_syscall kills
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/syscall.h>

#include <vector>

#include "tracee.h"

namespace {

using Program = std::vector<sock_filter>;

// The raw call: the C library's _exit uses exit_group, which strict mode does not allow.
[[noreturn]] void leave(int code) {
  for (;;) {
    ::syscall(SYS_exit, code);
  }
}

void install(Program program, unsigned flags = 0) {
  const sock_fprog given{static_cast<unsigned short>(program.size()), program.data()};
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &given) < 0) {
    tracee::fail("seccomp filter");
  }
}

// `answer` where the word at `where` is `value`; all else is allowed.
Program answering(std::uint32_t where, std::uint32_t value, std::uint32_t answer) {
  return {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, where),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, answer),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
}

Program for_call(std::uint32_t number, std::uint32_t answer) {
  return answering(offsetof(seccomp_data, nr), number, answer);
}

Program program_of(const char* mode) {
  const auto is = [mode](const char* name) { return std::strcmp(mode, name) == 0; };
  if (is("list")) {
    return {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit, 4, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clock_gettime, 3, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_restart_syscall, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
  }
  if (is("i386")) {
    return answering(offsetof(seccomp_data, arch), AUDIT_ARCH_I386, SECCOMP_RET_KILL_PROCESS);
  }
  if (is("restart")) {
    return for_call(SYS_restart_syscall, SECCOMP_RET_KILL_PROCESS);
  }
  const std::uint32_t answer = is("kill")    ? SECCOMP_RET_KILL_PROCESS
                               : is("trap")  ? SECCOMP_RET_TRAP
                               : is("errno") ? SECCOMP_RET_ERRNO | 13U
                               : is("notif") ? SECCOMP_RET_USER_NOTIF
                               : is("trace") ? SECCOMP_RET_TRACE
                               : is("log")   ? SECCOMP_RET_LOG
                                             : SECCOMP_RET_ALLOW;
  return for_call(SYS_getpid, answer);
}

void* give_on_signal(void* /*unused*/) {
  sigset_t usr1;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  int signal = 0;
  ::sigwait(&usr1, &signal);
  install(for_call(SYS_getpid, SECCOMP_RET_KILL_PROCESS), SECCOMP_FILTER_FLAG_TSYNC);
  for (;;) {
    ::pause();
  }
}

void* give_again_and_again(void* /*unused*/) {
  for (int i = 0; i < 150; ++i) {
    install(for_call(SYS_getpid, SECCOMP_RET_ALLOW), SECCOMP_FILTER_FLAG_TSYNC);
    ::usleep(3000);
  }
  for (;;) {
    ::pause();
  }
}

void start(void* (*thread)(void*)) {
  pthread_t id{};
  if (::pthread_create(&id, nullptr, thread, nullptr) != 0) {
    tracee::fail("thread");
  }
}

// Time is counted in calls: strict mode forbids reading the time-stamp counter as well.
[[noreturn]] void run_strictly(long milliseconds) {
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0) {
    tracee::fail("seccomp strict");
  }
  for (long calls = milliseconds * 2000; calls > 0; --calls) {
    ::syscall(SYS_write, -1, nullptr, 0);
  }
  leave(0);
}

void wait_once() {
  constexpr int kMilliseconds = 5;
  const std::int64_t begun = tracee::now_ns();
  if (::poll(nullptr, 0, kMilliseconds) != 0) {
    tracee::fail("poll");
  }
  if (const auto took = tracee::now_ns() - begun; took < kMilliseconds * 1'000'000) {
    tracee::fail("poll was too short", took);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const tracee::Run run(argc, argv);
  const char* const mode = argc > 2 ? argv[2] : "list";
  const auto is = [mode](const char* name) { return std::strcmp(mode, name) == 0; };
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (is("strict")) {
    run.ready();
    run_strictly(std::atol(argv[1]));
  }
  if (is("sync")) {
    sigset_t usr1;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &usr1, nullptr);
    start(give_on_signal);
  }
  if (is("grow")) {
    start(give_again_and_again);
  }
  const bool is_list = is("list");
  if (is_list) {
    run.ready();  // printing is not allowed afterwards
  }
  const bool none_at_first = is("sync") || is("grow");
  const int count = argc > 3 ? std::atoi(argv[3]) : (none_at_first ? 0 : 1);
  for (int i = 0; i < count; ++i) {
    // With threads about, all of them: one can only be given what the others have as well.
    install(program_of(mode), none_at_first ? SECCOMP_FILTER_FLAG_TSYNC : 0);
  }
  if (!is_list) {
    run.ready();
  }
  while (!run.over()) {
    if (is("restart")) {
      wait_once();
    } else {
      ::syscall(SYS_write, -1, nullptr, 0);
    }
  }
  if (is_list) {
    leave(0);
  }
  ::_exit(0);  // with all threads
}
