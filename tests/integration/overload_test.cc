// Reading on a host that has far more to do than it has CPUs.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "collectors/debugfs/debugfs_source.h"
#include "collectors/proc_identifier.h"
#include "collectors/sampler.h"
#include "tests/fakes/fake_source.h"
#include "tests/fakes/temporary_directory.h"

namespace kvmtsc {
namespace {

// Processes that never wait for anything; as vCPUs whose guests are busy. They end by themselves
// should the test die.
class BusyHost {
 public:
  explicit BusyHost(unsigned processes) {
    for (unsigned i = 0; i < processes; ++i) {
      const pid_t pid = ::fork();
      if (pid == 0) {
        ::alarm(30);
        while (true) {
          __builtin_ia32_pause();
        }
      }
      if (pid > 0) {
        pids_.push_back(pid);
      }
    }
  }
  ~BusyHost() {
    for (const pid_t pid : pids_) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
    }
  }
  BusyHost(const BusyHost&) = delete;
  BusyHost& operator=(const BusyHost&) = delete;

 private:
  std::vector<pid_t> pids_;
};

TEST(Overload, AVmOf200VcpusIsReadAllTheSame) {
  constexpr int kVcpus = 200;
  const TemporaryDirectory host;
  for (int i = 0; i < kVcpus; ++i) {
    const std::string base = "kvm/1-2/vcpu" + std::to_string(i) + "/";
    host.write(base + "tsc-offset", "-5\n");
    host.write(base + "guest_mode", "0\n");
    host.write(base + "pid", "0\n");
  }
  ProcIdentifier identifier(HostRoot{"", "", ""}, {});
  DebugfsSource source(HostRoot{"", "", host.path()}, identifier, system_clock());
  FakeHostClock host_clock;
  SweepOptions options;
  options.interval = std::chrono::milliseconds(50);
  Sweep sweep(options, system_clock(), host_clock, {&source});
  int sweeps = 0;
  std::vector<std::string> troubles;
  {
    const BusyHost busy(16 * std::max(1U, std::thread::hardware_concurrency()));
    const Sampler sampler(sweep, options, [&](const Snapshot& snapshot) {
      ++sweeps;
      for (const VmState& vm : snapshot.vms) {
        if (vm.error) {
          troubles.push_back(vm.error->text());
        }
      }
    });
    std::this_thread::sleep_for(std::chrono::seconds(4));
  }
  EXPECT_TRUE(troubles.empty()) << troubles.size() << " of " << sweeps << ": " << troubles.front();
  EXPECT_GE(sweeps, 3);
}

}  // namespace
}  // namespace kvmtsc
