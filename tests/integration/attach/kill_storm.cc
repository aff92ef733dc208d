#include "tests/integration/attach/kill_storm.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iostream>
#include <new>
#include <random>

#include "tests/integration/attach/inject.h"

namespace kvmtsc::testing {
namespace {

// A relative timeout begins anew when a tracer is killed: without lulls that are longer than the
// tracees' waits, no wait would come to its end, nor its end be looked at.
constexpr int kKillsBetweenLulls = 100;
constexpr useconds_t kLullMicroseconds = 20'000;

struct Shared {
  std::atomic<int> started{0};
  std::atomic<int> holding{0};
};

// Until `time` has come or `over`.
template <typename Condition>
void spin_until(MonotonicTime time, const Condition& over) {
  while (system_clock().monotonic() < time && !over()) {
    ::sched_yield();
  }
}

}  // namespace

Storm kill_storm(Tracee& tracee, int kills, Nanoseconds longest, unsigned seed,
                 const std::function<void(std::atomic<int>&)>& work) {
  std::cout << "kill storm of " << kills << ", seed " << seed << std::endl;
  void* const memory =
      ::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return {};
  }
  auto* const shared = new (memory) Shared;
  std::mt19937 random(seed);
  std::uniform_int_distribution<std::int64_t> delay(0, longest.count());
  Storm storm;
  while (storm.kills < kills && tracee.running()) {
    shared->started = 0;
    shared->holding = 0;
    const pid_t tracer = ::fork();
    if (tracer == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) {
        shared->started = 1;
        work(shared->holding);
      }
    }
    if (tracer < 0) {
      break;
    }
    while (shared->started == 0) {
      ::sched_yield();
    }
    // Every other one is timed from the moment the thread is held: how long a tracer takes to get
    // there depends on what else the machine does.
    if (storm.kills % 2 == 1) {
      spin_until(system_clock().monotonic() + 10 * longest, [&] { return shared->holding != 0; });
    }
    spin_until(system_clock().monotonic() + Nanoseconds{delay(random)}, [] { return false; });
    ::kill(tracer, SIGKILL);
    ::waitpid(tracer, nullptr, 0);
    ++storm.kills;
    storm.while_holding += shared->holding;
    if (storm.kills % kKillsBetweenLulls == 0) {
      ::usleep(kLullMicroseconds);
    }
  }
  ::munmap(memory, sizeof(Shared));
  std::cout << storm.kills << " kills, " << storm.while_holding << " while holding the thread"
            << std::endl;
  return storm;
}

Storm kill_storm(Tracee& tracee, int kills, unsigned seed) {
  const HostRoot root;
  const auto layout = injection::ProcessLayout::read(root, tracee.pid());
  if (!layout) {
    return {};
  }
  return kill_storm(tracee, kills, std::chrono::microseconds(600), seed,
                    [&](std::atomic<int>& holding) {
                      (void)inject_unseen(*layout, injection::Tid{tracee.pid()}, {}, 2,
                                          std::chrono::seconds(1), &holding);
                    });
}

}  // namespace kvmtsc::testing
