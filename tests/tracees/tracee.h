// What all tracees share: a tracee runs for argv[1] milliseconds, checks by itself that everything
// around it behaves as if nobody had ever attached, and exits with 0, or 1 after saying what
// differed. It prints "ready" once it does what its name says.
#pragma once

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace tracee {

inline std::int64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

inline volatile sig_atomic_t asked_to_end = 0;

class Run {
 public:
  Run(int argc, char** argv)
      : end_(now_ns() + (argc > 1 ? std::atoll(argv[1]) : 1000) * 1'000'000) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // never outlives its test
    struct sigaction action {};
    action.sa_handler = [](int) { asked_to_end = 1; };
    ::sigaction(SIGINT, &action, nullptr);
  }
  void ready() const {
    std::puts("ready");
    std::fflush(stdout);
  }
  bool over() const { return asked_to_end != 0 || now_ns() >= end_; }

 private:
  std::int64_t end_;
};

[[noreturn]] inline void fail(const char* what, long value = 0) {
  std::fprintf(stderr, "%s (%ld, errno %d: %s)\n", what, value, errno, std::strerror(errno));
  std::_Exit(1);
}

}  // namespace tracee
