// sleeper MS CALL [killed]: waits again and again in one call with a timeout, which must end by its
// timeout (never EINTR) and in time. With "killed" a wait may last longer, as a tracer that is
// killed may make a relative timeout begin anew.
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sys/select.h>
#include <sys/syscall.h>

#include "tracee.h"

namespace {

constexpr std::int64_t kWait = 15'000'000;
constexpr std::int64_t kLate = 1'500'000'000;  // a busy machine; a timeout begun anew never ends
constexpr timespec kTimeout{0, kWait};

// FUTEX_WAIT as a C library has it: with the number in the instruction.
long futex_wait(int* word) {
  long result = 0;
  register const timespec* timeout asm("r10") = &kTimeout;
  asm volatile("movl %[number], %%eax; syscall"
               : "=a"(result)
               : [number] "i"(SYS_futex), "D"(word), "S"(FUTEX_WAIT), "d"(0), "r"(timeout)
               : "rcx", "r11", "memory");
  return result;
}

// 0 if it ended by its timeout.
int wait_once(const char* call) {
  const auto is = [call](const char* name) { return std::strcmp(call, name) == 0; };
  if (is("nanosleep")) {
    return ::nanosleep(&kTimeout, nullptr);
  }
  if (is("poll")) {
    return ::poll(nullptr, 0, kWait / 1'000'000);
  }
  if (is("ppoll")) {
    sigset_t mask;
    sigfillset(&mask);
    timespec timeout = kTimeout;
    return ::ppoll(nullptr, 0, &timeout, &mask);
  }
  if (is("select")) {
    timeval timeout{0, kWait / 1000};
    return ::select(0, nullptr, nullptr, nullptr, &timeout);
  }
  if (is("futex")) {
    static int word = 0;
    return futex_wait(&word) == -ETIMEDOUT ? 0 : -1;
  }
  if (is("futex-number-hidden")) {  // syscall() takes the number from a register
    static int word = 0;
    const long result = ::syscall(SYS_futex, &word, FUTEX_WAIT, 0, &kTimeout, nullptr, 0);
    return result == -1 && errno == ETIMEDOUT ? 0 : -1;
  }
  if (is("condition")) {
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    const std::int64_t until = tracee::now_ns() + kWait;
    const timespec deadline{until / 1'000'000'000, until % 1'000'000'000};
    ::pthread_mutex_lock(&mutex);
    const int error = ::pthread_cond_clockwait(&condition, &mutex, CLOCK_MONOTONIC, &deadline);
    ::pthread_mutex_unlock(&mutex);
    return error == ETIMEDOUT ? 0 : -1;
  }
  if (is("clock-nanosleep-absolute")) {
    const std::int64_t until = tracee::now_ns() + kWait;
    const timespec deadline{until / 1'000'000'000, until % 1'000'000'000};
    return ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nullptr);
  }
  tracee::fail("no such call");
}

}  // namespace

int main(int argc, char** argv) {
  const tracee::Run run(argc, argv);
  if (argc < 3) {
    tracee::fail("usage");
  }
  const bool killed = argc > 3;
  run.ready();
  while (!run.over()) {
    const std::int64_t begun = tracee::now_ns();
    const int ended = wait_once(argv[2]);
    if (tracee::asked_to_end != 0) {
      break;
    }
    if (ended != 0) {
      tracee::fail("the wait did not end by its timeout");
    }
    const std::int64_t took = tracee::now_ns() - begun;
    if (took < kWait - 1'100'000 || (!killed && took > kWait + kLate)) {
      tracee::fail("the wait did not last as long as asked", took);
    }
  }
}
