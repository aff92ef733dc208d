// attach_torture [--vm CYCLES] [--qemu CYCLES] [--kills N] [--seed S]
//
// A cycle reads the clock of a VM, writes the offsets of all its vCPUs and reads them back. The
// process that runs the cycles is killed at random moments, most of them in the middle of one, and
// so is the VMM now and then. Then tracers of tracees that check themselves are killed N times
// each. Fails if a VMM or a tracee dies or hangs that was not killed, or finds anything differing.
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <new>
#include <random>
#include <string>

#include "attach/ptrace/ptrace_clock_source.h"
#include "attach/ptrace/ptrace_offset_writer.h"
#include "tests/integration/attach/kill_storm.h"
#include "tests/integration/attach/tracee.h"
#include "tests/integration/attach/vm_fixture.h"

namespace kvmtsc::testing {
namespace {

using std::chrono::seconds;

int failures = 0;

void fail(const std::string& what) {
  std::cout << "FAILED: " << what << std::endl;
  ++failures;
}

// What a worker shares with us, who may have killed it.
struct Progress {
  std::atomic<long> cycles{0};
  std::atomic<long> errors{0};
  std::atomic<long> busy{0};
  std::array<char, 256> last_error{};
};

// A VMM that can be started, shown to be alive, and ended in order.
struct Vmm {
  std::function<bool()> start;
  std::function<pid_t()> pid;
  std::function<bool()> alive;
  std::function<bool()> end;
  std::function<void()> kill;
};

void cycle(const AttachTarget& vm, unsigned vcpus, Progress& progress) {
  injection::PtraceOptions options;
  options.longest_hold = seconds(2);  // a busy machine is not what is tested
  injection::PtraceClockSource source(options);
  injection::PtraceOffsetWriter writer(options);
  const auto note = [&](const Error& error) {
    // A predecessor that was just killed may not have let go yet; a VM that was killed is gone.
    if (error.kind == ErrorKind::kGone || error.kind == ErrorKind::kNotFound ||
        error.message.find("traced") != std::string::npos) {
      ++progress.busy;
      return;
    }
    ++progress.errors;
    error.text().copy(progress.last_error.data(), progress.last_error.size() - 1);
  };
  const auto deadline = [] { return system_clock().monotonic() + seconds(4); };
  const auto clock = source.read_clock(vm, deadline());
  if (!clock) {
    note(clock.error());
    return;
  }
  std::vector<WantedOffset> wanted;
  for (VcpuId id = 0; id < vcpus; ++id) {
    wanted.push_back({id, -1'000'000});
  }
  const auto report = writer.write(vm, wanted, deadline());
  if (!report) {
    note(report.error());
    return;
  }
  if (report->outcome == WriteOutcome::kUncertain) {
    note(report->failure.value_or(Error{ErrorKind::kIo, "outcome uncertain", {}}));
    return;
  }
  ++progress.cycles;
}

void torture_vm(const std::string& name, Vmm& vmm, unsigned vcpus, long cycles,
                std::mt19937& random) {
  auto* const progress = new (::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE,
                                     MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Progress;
  long tracer_kills = 0;
  long vmm_kills = 0;
  // Half of the workers are killed early, in their first cycles; the others get some work done.
  std::uniform_int_distribution<int> early(0, 20'000);
  std::uniform_int_distribution<int> late(0, 400'000);
  std::uniform_int_distribution<int> one_in(0, 59);
  if (!vmm.start()) {
    fail(name + " does not start");
    return;
  }
  auto vms = vms_of(vmm.pid());
  while (progress->cycles < cycles && failures == 0) {
    if (vms.size() != 1) {
      fail(name + ": no VM found");
      break;
    }
    const pid_t worker = ::fork();
    if (worker == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) {
        cycle(vms[0], vcpus, *progress);
      }
    }
    ::usleep(static_cast<useconds_t>(random() % 2 == 0 ? early(random) : late(random)));
    const bool kill_vmm = one_in(random) < 5;
    if (kill_vmm) {
      vmm.kill();  // under the hands of the worker
      ++vmm_kills;
      ::usleep(2'000);
    }
    ::kill(worker, SIGKILL);
    ::waitpid(worker, nullptr, 0);
    ++tracer_kills;
    if (kill_vmm) {
      if (!vmm.start()) {
        fail(name + " does not start again");
        break;
      }
      vms = vms_of(vmm.pid());
      progress->errors = 0;  // a dying VM may be refused for any reason
    } else if (one_in(random) < 10 && !vmm.alive()) {
      fail(name + " is dead or hangs");
    }
    if (progress->errors != 0) {
      fail(name + ": " + progress->last_error.data());
    }
  }
  if (failures == 0 && !(vmm.alive() && vmm.end())) {
    fail(name + " did not end as untouched");
  }
  std::cout << name << ": " << progress->cycles << " cycles, " << tracer_kills
            << " tracers killed, " << vmm_kills << " VMMs killed" << std::endl;
  ::munmap(progress, sizeof(Progress));
}

void torture_micro_vm(long cycles, std::mt19937& random) {
  std::unique_ptr<SpinningVmm> running;
  Vmm vmm;
  vmm.start = [&] {
    running = std::make_unique<SpinningVmm>(2U);
    return running->valid();
  };
  vmm.pid = [&] { return running->pid(); };
  vmm.kill = [&] { (void)running->process().send_signal(SIGKILL); };
  vmm.alive = [&] { return running->command("tsc"); };
  vmm.end = [&] { return running->ends_well(); };
  torture_vm("micro VM", vmm, 2, cycles, random);
}

void torture_qemu(long cycles, std::mt19937& random) {
  std::unique_ptr<integration::Qemu> qemu;
  Vmm vmm;
  vmm.start = [&] {
    qemu = start_qemu(2);
    return qemu != nullptr;
  };
  vmm.pid = [&] { return qemu->pid(); };
  vmm.kill = [&] { (void)qemu->process().send_signal(SIGKILL); };
  vmm.alive = [&] { return stop_and_continue(*qemu); };
  vmm.end = [&] { return quits(*qemu); };
  torture_vm("QEMU", vmm, 2, cycles, random);
}

void torture_tracees(int kills, std::mt19937& random) {
  const std::vector<std::vector<std::string>> tracees{{"registers", "user"},
                                                      {"registers", "syscall"},
                                                      {"registers_static", "user"},
                                                      {"sleeper", "ppoll", "killed"},
                                                      {"sleeper", "poll", "killed"},
                                                      {"sleeper", "nanosleep", "killed"},
                                                      {"sleeper", "futex", "killed"},
                                                      {"sleeper", "condition"},
                                                      {"forever", "read"},
                                                      {"signals"}};
  for (const auto& each : tracees) {
    std::vector<std::string> arguments{"3600000"};
    arguments.insert(arguments.end(), each.begin() + 1, each.end());
    Tracee process(each[0], arguments);
    std::string name = each[0] + (each.size() > 1 ? " " + each[1] : "");
    std::cout << name << ": ";
    const Storm storm = kill_storm(process, kills, static_cast<unsigned>(random()));
    process.send(SIGINT);
    const auto status = process.wait(20);
    if (storm.kills != kills || status != 0) {
      fail(name + ": " + process.errors());
    }
  }
}

long argument(int argc, char** argv, const std::string& name, long otherwise) {
  for (int i = 1; i + 1 < argc; ++i) {
    if (name == argv[i]) {
      return std::atol(argv[i + 1]);
    }
  }
  return otherwise;
}

int run(int argc, char** argv) {
  const long seed = argument(argc, argv, "--seed", static_cast<long>(std::random_device{}()));
  std::cout << "seed " << seed << std::endl;
  std::mt19937 random(static_cast<unsigned>(seed));
  if (const long kills = argument(argc, argv, "--kills", 0); kills > 0) {
    torture_tracees(static_cast<int>(kills), random);
  }
  if (const long cycles = argument(argc, argv, "--vm", 0); cycles > 0) {
    if (const auto missing = missing_for_vms()) {
      std::cout << "micro VM: skipped, " << *missing << std::endl;
    } else {
      torture_micro_vm(cycles, random);
    }
  }
  if (const long cycles = argument(argc, argv, "--qemu", 0); cycles > 0) {
    if (const auto missing = missing_for_qemu()) {
      std::cout << "QEMU: skipped, " << *missing << std::endl;
    } else {
      torture_qemu(cycles, random);
    }
  }
  return failures == 0 ? 0 : 1;
}

}  // namespace
}  // namespace kvmtsc::testing

int main(int argc, char** argv) {
  return kvmtsc::testing::run(argc, argv);
}
