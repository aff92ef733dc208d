// forever MS CALL: one thread waits without a timeout in a call that reports any interruption as
// EINTR (CALL is epoll, sigwait or read); another wakes it now and then. It must see each wake-up,
// and nothing else.
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <atomic>

#include "tracee.h"

namespace {

int event = -1;
std::atomic<bool> over{false};
std::atomic<long> sent{0};
pthread_t waiter;
const char* call = "";

bool is(const char* name) {
  return std::strcmp(call, name) == 0;
}

void* wake(void*) {
  while (!over) {
    const timespec pause{0, 3'000'000};
    ::nanosleep(&pause, nullptr);
    ++sent;
    if (is("sigwait")) {
      ::pthread_kill(waiter, SIGUSR1);
    } else {
      const std::uint64_t one = 1;
      if (::write(event, &one, sizeof one) != sizeof one) {
        tracee::fail("write");
      }
    }
  }
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  const tracee::Run run(argc, argv);
  call = argc > 2 ? argv[2] : "";
  waiter = ::pthread_self();
  sigset_t usr1;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  ::pthread_sigmask(SIG_BLOCK, &usr1, nullptr);
  event = ::eventfd(0, 0);
  const int poll = ::epoll_create1(0);
  epoll_event wanted{};
  wanted.events = EPOLLIN;
  ::epoll_ctl(poll, EPOLL_CTL_ADD, event, &wanted);
  pthread_t waker{};
  ::pthread_create(&waker, nullptr, wake, nullptr);
  run.ready();
  while (!run.over()) {
    if (is("sigwait")) {
      siginfo_t info{};
      if (::sigwaitinfo(&usr1, &info) != SIGUSR1 && tracee::asked_to_end == 0) {
        tracee::fail("sigwaitinfo");
      }
      continue;
    }
    epoll_event got{};
    if (is("epoll") && ::epoll_wait(poll, &got, 1, -1) != 1 && tracee::asked_to_end == 0) {
      tracee::fail("epoll_wait");
    }
    std::uint64_t count = 0;
    if (::read(event, &count, sizeof count) != sizeof count) {
      if (tracee::asked_to_end != 0) {
        break;
      }
      tracee::fail("read");
    }
    sent -= static_cast<long>(count);
  }
  over = true;
  ::pthread_join(waker, nullptr);
  if (!is("sigwait")) {
    // What was written and not yet read is still in the counter.
    std::uint64_t rest = 0;
    if (sent > 0 && ::read(event, &rest, sizeof rest) != sizeof rest) {
      tracee::fail("read");
    }
    if (sent != static_cast<long>(rest)) {
      tracee::fail("a wake-up was lost", sent);
    }
  }
}
