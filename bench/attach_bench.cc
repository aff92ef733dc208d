// attach_bench [ROUNDS]: how long attaching holds a thread of a QEMU, beside the bare ptrace
// sequence (interrupt, one injected getppid, detach) that nobody could do with less, in turns
// within one run.
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "attach/ptrace/ptrace_clock_source.h"
#include "attach/ptrace/ptrace_offset_writer.h"
#include "tests/integration/attach/qemu.h"
#include "tests/integration/attach/vm_fixture.h"

namespace kvmtsc {
namespace {

using injection::ProcessLayout;
using injection::Tid;
using std::chrono::seconds;

struct Samples {
  std::vector<double> microseconds;
  void add(Nanoseconds held) { microseconds.push_back(static_cast<double>(held.count()) / 1000); }
  double quantile(double q) {
    std::sort(microseconds.begin(), microseconds.end());
    return microseconds.empty() ? 0
                                : microseconds[static_cast<std::size_t>(
                                      q * static_cast<double>(microseconds.size() - 1))];
  }
};

// Seize, interrupt, run getppid `calls` times, put the registers back, detach; blocking waits, and
// nothing that would help the thread if we died.
Nanoseconds bare(Tid thread, std::uint64_t syscall_instruction, int calls) {
  const Clock& clock = system_clock();
  const pid_t tid = thread.value;
  int status = 0;
  ::ptrace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACESYSGOOD);
  const MonotonicTime begun = clock.monotonic();
  ::ptrace(PTRACE_INTERRUPT, tid, 0, 0);
  ::waitpid(tid, &status, __WALL);
  user_regs_struct saved{};
  ::ptrace(PTRACE_GETREGS, tid, 0, &saved);
  for (int i = 0; i < calls; ++i) {
    user_regs_struct regs = saved;
    regs.rip = syscall_instruction;
    regs.rax = SYS_getppid;
    regs.orig_rax = ~0ULL;
    ::ptrace(PTRACE_SETREGS, tid, 0, &regs);
    ::ptrace(PTRACE_SYSCALL, tid, 0, 0);
    ::waitpid(tid, &status, __WALL);
    ::ptrace(PTRACE_SYSCALL, tid, 0, 0);
    ::waitpid(tid, &status, __WALL);
    ::ptrace(PTRACE_GETREGS, tid, 0, &regs);
  }
  ::ptrace(PTRACE_SETREGS, tid, 0, &saved);
  ::ptrace(PTRACE_DETACH, tid, 0, 0);
  return clock.monotonic() - begun;
}

void print(const char* what, Samples& ours, Samples& baseline, double times) {
  const double reference = baseline.quantile(0.5) * times;
  std::printf("%-34s %8.0f us %8.0f us %8.0f us %6.2f  (99%%: %.0f us)\n", what, ours.quantile(0.5),
              baseline.quantile(0.5), reference, ours.quantile(0.5) / reference,
              ours.quantile(0.99));
  std::fflush(stdout);
}

int run(int rounds) {
  if (const auto missing = testing::missing_for_qemu()) {
    std::printf("attach_bench: skipped, %s\n", missing->c_str());
    return 0;
  }
  std::printf("%-34s %11s %11s %11s %6s\n", "held (median)", "ours", "bare", "bare x N", "ratio");
  const auto deadline = [] { return system_clock().monotonic() + seconds(5); };
  injection::PtraceOptions options;
  options.longest_hold = seconds(2);
  injection::PtraceClockSource source(options);
  injection::PtraceOffsetWriter writer(options);
  for (const int vcpus : {1, 4, 16}) {
    testing::Qemu qemu(vcpus);
    const auto vms =
        qemu.valid() ? testing::vms_of(qemu.process().pid()) : std::vector<AttachTarget>{};
    if (vms.size() != 1) {
      std::printf("QEMU with %d vCPUs does not start\n", vcpus);
      return 1;
    }
    const auto layout = ProcessLayout::read(HostRoot{}, vms[0].pid);
    const auto access = injection::resolve(HostRoot{}, vms[0]);
    if (!layout || !access) {
      return 1;
    }
    const std::uint64_t instruction = layout->gadgets.syscall_return.value;
    std::vector<WantedOffset> wanted;
    for (const auto& [id, vcpu] : access->vcpus) {
      wanted.push_back({id, 0});
    }
    Samples clock_ours;
    Samples clock_bare;
    Samples write_ours;
    Samples write_bare;
    for (int i = 0; i < rounds; ++i) {
      if (vcpus == 1) {
        if (const auto reading = source.read_clock(vms[0], deadline())) {
          clock_ours.add(reading->held);
        }
        clock_bare.add(bare(Tid{vms[0].pid}, instruction, 1));
      }
      if (const auto report = writer.write(vms[0], wanted, deadline())) {
        write_ours.add(report->held);
      }
      write_bare.add(bare(access->vcpus.begin()->second.thread, instruction, 2));
    }
    if (vcpus == 1) {
      print("clock reading", clock_ours, clock_bare, 1);
    }
    const std::string name = "correction of " + std::to_string(vcpus) + " vCPUs";
    print(name.c_str(), write_ours, write_bare, vcpus);
  }
  return 0;
}

}  // namespace
}  // namespace kvmtsc

int main(int argc, char** argv) {
  return kvmtsc::run(argc > 1 ? std::atoi(argv[1]) : 200);
}
