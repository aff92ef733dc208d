#include "attach/ptrace/ticker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <utility>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

namespace kvmtsc::injection {
namespace {

constexpr long kTickNanoseconds = 2'000'000;

// The highest real-time signal that nobody handles, from now on with a handler that does nothing; 0
// if there is none. (Ignored, it would interrupt nothing.)
int claim_signal() {
  for (int signal = SIGRTMAX; signal >= SIGRTMIN; --signal) {
    struct sigaction action {};
    if (::sigaction(signal, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) {
      continue;
    }
    action = {};
    action.sa_handler = [](int) {};  // without SA_RESTART
    if (::sigaction(signal, &action, nullptr) == 0) {
      return signal;
    }
  }
  return 0;
}

}  // namespace

Result<Ticker> Ticker::start() {
  static const int signal = claim_signal();
  if (signal == 0) {
    return Error{ErrorKind::kUnsupported, "every real-time signal of this process is in use", {}};
  }
  sigset_t mask;
  ::sigemptyset(&mask);
  ::sigaddset(&mask, signal);
  ::pthread_sigmask(SIG_UNBLOCK, &mask, nullptr);
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = signal;
  event.sigev_notify_thread_id = ::gettid();
  timer_t timer{};
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) {
    return errno_error(errno, "timer_create");
  }
  Ticker ticker{timer};
  const itimerspec every{{0, kTickNanoseconds}, {0, kTickNanoseconds}};
  if (::timer_settime(timer, 0, &every, nullptr) != 0) {
    return errno_error(errno, "timer_settime");
  }
  return ticker;
}

Ticker::Ticker(Ticker&& other) noexcept
    : timer_(other.timer_), owned_(std::exchange(other.owned_, false)) {}

Ticker::~Ticker() {
  if (owned_) {
    ::timer_delete(timer_);
  }
}

}  // namespace kvmtsc::injection
