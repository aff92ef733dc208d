// signals MS: a storm of queued signals, each carrying its number, some caught in user space, some
// in sigsuspend; none may be lost, doubled, or come out of order, and each must say who sent it.
#include <pthread.h>

#include <atomic>

#include "tracee.h"

namespace {

std::atomic<long> received{0};
std::atomic<bool> over{false};
pthread_t target;
int first_signal = 0;

void handle(int, siginfo_t* info, void*) {
  if (info->si_value.sival_int != received + 1 || info->si_pid != ::getpid() ||
      info->si_code != SI_QUEUE) {
    tracee::fail("a signal is lost, doubled or altered", info->si_value.sival_int);
  }
  ++received;
}

void* storm(void*) {
  for (int number = 1; !over; ++number) {
    while (::pthread_sigqueue(target, first_signal, sigval{number}) != 0) {
      const timespec pause{0, 100'000};
      ::nanosleep(&pause, nullptr);
    }
    // Lets the target sleep now and then, and never fills the queue.
    while (!over && received < number - (number % 64 == 0 ? 0 : 32)) {
      ::sched_yield();
    }
    if (number % 16 == 0) {
      const timespec pause{0, 300'000};
      ::nanosleep(&pause, nullptr);
    }
  }
  return nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  const tracee::Run run(argc, argv);
  first_signal = SIGRTMIN;
  target = ::pthread_self();
  struct sigaction action {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(first_signal, &action, nullptr);
  sigset_t blocked;
  sigset_t open;
  sigemptyset(&blocked);
  sigaddset(&blocked, first_signal);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &open);
  pthread_t sender{};
  ::pthread_create(&sender, nullptr, storm, nullptr);
  run.ready();
  while (!run.over()) {
    ::sigsuspend(&open);  // takes at least one signal, and returns
    ::pthread_sigmask(SIG_SETMASK, &open, nullptr);
    for (int spin = 0; spin < 2000; ++spin) {
      asm volatile("pause");
    }
    ::pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
  }
  over = true;
  ::pthread_sigmask(SIG_SETMASK, &open, nullptr);
  ::pthread_join(sender, nullptr);
  if (received == 0) {
    tracee::fail("no signal came");
  }
}
