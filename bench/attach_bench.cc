#include "bench/attach_bench.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include <array>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "attach/ptrace/kvm_calls.h"
#include "attach/ptrace/ptrace_clock_source.h"
#include "attach/ptrace/ptrace_offset_writer.h"
#include "base/file.h"
#include "bench/bare_ptrace.h"
#include "bench/statistics.h"
#include "bench/stopwatch.h"
#include "tests/integration/attach/tracee.h"
#include "tests/integration/attach/vm_fixture.h"
#include "tests/integration/eventually.h"
#include "tests/integration/exporter.h"
#include "tests/integration/micro_vmm.h"
#include "tests/micro_vmm/vm.h"

namespace kvmtsc::bench {
namespace {

using injection::Tid;

const injection::SystemCall kGetppid{SYS_getppid, {}};
constexpr int kRounds = 1000;
constexpr double kLimit = 1.5;
constexpr double kMicro = 1e6;
constexpr std::chrono::seconds kMonitoring{10};

double microseconds(Nanoseconds time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

struct Costs {
  Measurements ours;  // microseconds
  Measurements bare;
  Measurements bare_kvm;  // the same with calls of KVM's: of corrections
};

// One QEMU, and both ways to get at its threads.
class Attaching {
 public:
  Attaching(const AttachTarget& vm, std::vector<WantedOffset> wanted)
      : vm_(vm),
        wanted_(std::move(wanted)),
        source_(testing::patient()),
        writer_(testing::patient()) {}

  // Which of the two goes first alternates: what runs second finds the CPUs awake and the caches
  // warm.
  Status read_clock(bool ours_first, Costs& costs) {
    const auto ours = [&] { return our_reading(costs.ours); };
    const auto baseline = [&] { return bare(Tid{vm_.pid}, kGetppid, 1, costs.bare); };
    return ours_first ? in_turn(ours, baseline) : in_turn(baseline, ours);
  }

  // Two calls in each vCPU: the write, and one that renews its kvmclock. Read-backs are of debugfs.
  Status correct(bool ours_first, const injection::VcpuAccess& vcpu, Costs& costs) {
    const auto ours = [&] { return our_correction(costs.ours); };
    const auto baseline = [&] { return bare(vcpu.thread, kGetppid, 2, costs.bare); };
    if (auto done = ours_first ? in_turn(ours, baseline) : in_turn(baseline, ours); !done) {
      return done;
    }
    const auto renewal = injection::ioctl_call(vcpu.descriptors.front(), KVM_KVMCLOCK_CTRL, 0);
    return bare(vcpu.thread, renewal, 2, costs.bare_kvm);
  }

 private:
  template <typename First, typename Second>
  static Status in_turn(First&& first, Second&& second) {
    auto done = first();
    return done ? second() : done;
  }

  Status our_reading(Measurements& into) {
    const auto reading = source_.read_clock(vm_, testing::soon());
    if (!reading) {
      return reading.error();
    }
    into.add(microseconds(reading->held));
    return ok_status();
  }

  Status our_correction(Measurements& into) {
    const auto report = writer_.write(vm_, wanted_, testing::soon());
    if (!report) {
      return report.error();
    }
    into.add(microseconds(report->held));
    return ok_status();
  }

  // On the same footing: after the same look at the VMM, on a tracer thread, beside the tracee.
  Status bare(Tid thread, const injection::SystemCall& call, int times, Measurements& into) {
    const auto prepared = injection::prepare(testing::patient(), vm_, &gadgets_);
    if (!prepared) {
      return prepared.error();
    }
    const auto held = injection::TracerThread::run(
        [&](const injection::TracerThread& self) -> Result<Nanoseconds> {
          self.run_beside(HostRoot{}, vm_.pid, thread);
          return bare_ptrace(self, thread, prepared->layout.gadgets, call, times);
        });
    if (!held) {
      return held.error();
    }
    into.add(microseconds(*held));
    return ok_status();
  }

  AttachTarget vm_;
  std::vector<WantedOffset> wanted_;
  injection::PtraceClockSource source_;
  injection::PtraceOffsetWriter writer_;
  injection::KnownGadgets gadgets_;
};

void add_rows(const std::string& what, const std::string& baseline, const Costs& costs,
              double times, Results& results) {
  results.add({what + ", median (baseline: " + baseline + ")",
               "us",
               costs.ours.median(),
               costs.bare.median() * times,
               kLimit,
               {}});
  results.add({what + ", p99 (baseline: likewise)",
               "us",
               costs.ours.p99(),
               costs.bare.p99() * times,
               {},
               {}});
}

// As PtraceClockSource holds a thread, for a call that needs no VM.
Result<Nanoseconds> hold_for_one_call(const injection::TracerThread& self,
                                      const injection::ProcessLayout& layout, Tid thread) {
  const auto facts = injection::read_thread_facts(HostRoot{}, thread.value, thread);
  if (!facts) {
    return facts.error();
  }
  auto buffers = injection::StateBuffers::make();
  auto attachment = injection::Attachment::seize(self, HostRoot{}, thread, {}, layout.gadgets);
  if (!attachment) {
    return attachment.error();
  }
  injection::Reserved reserved{*std::move(attachment), std::move(buffers),
                               injection::FilterWatch(HostRoot{}, *facts)};
  const MonotonicTime begun = system_clock().monotonic();
  if (auto interrupted = reserved.attachment.interrupt(); !interrupted) {
    return interrupted.error();
  }
  {
    auto state = injection::take_hold(HostRoot{}, std::move(reserved), layout, testing::soon());
    if (!state) {
      return state.error();
    }
    if (auto called = state->call(kGetppid, testing::soon()); !called) {
      return called.error();
    }
  }
  return system_clock().monotonic() - begun;
}

// The median hold of a correction, in microseconds.
Result<double> measure_qemu(unsigned vcpus, Results& results) {
  const auto qemu = testing::start_qemu(vcpus);
  const auto vms = qemu ? testing::vms_of(qemu->pid()) : std::vector<AttachTarget>{};
  if (vms.size() != 1) {
    return Error{
        ErrorKind::kIo, "QEMU with " + std::to_string(vcpus) + " vCPUs does not start", {}};
  }
  const auto access = injection::resolve(HostRoot{}, vms[0]);
  if (!access) {
    return access.error();
  }
  std::vector<WantedOffset> wanted;
  for (const auto& [id, vcpu] : access->vcpus) {
    wanted.push_back({id, 0});
  }
  Attaching attaching(vms[0], wanted);
  Costs clock;
  Costs correction;
  for (int i = 0; i < kRounds; ++i) {
    const bool ours_first = i % 2 == 0;
    if (vcpus == 1) {
      if (auto read = attaching.read_clock(ours_first, clock); !read) {
        return read.error();
      }
    }
    if (auto corrected = attaching.correct(ours_first, access->vcpus.begin()->second, correction);
        !corrected) {
      return corrected.error();
    }
  }
  if (vcpus == 1) {
    add_rows("clock reading, hold of a thread", "interrupt, 1 getppid, detach", clock, 1, results);
  }
  const std::string number = std::to_string(vcpus);
  add_rows("correction, hold of " + number + " vCPUs", number + " x interrupt, 2 getppid, detach",
           correction, vcpus, results);
  results.add({"correction, hold of " + number + " vCPUs, median (baseline: " + number +
                   " x interrupt, 2 KVM_KVMCLOCK_CTRL, detach)",
               "us",
               correction.ours.median(),
               correction.bare_kvm.median() * vcpus,
               kLimit,
               {}});
  return correction.ours.median();
}

// What reading the deadline and writing it back adds to the hold of vCPUs that sleep on a timer.
Status measure_rearming(unsigned vcpus, Results& results) {
  const std::string number = std::to_string(vcpus);
  const auto vmm = integration::MicroVmm::start(
      {"--guest", "timer", "--interval", "3600000", "--vcpus", number});
  if (!vmm) {
    return vmm.error();
  }
  const auto vms = testing::vms_of((*vmm)->pid());
  const auto armed = [&] {
    const auto access = injection::resolve(HostRoot{}, vms.at(0));
    return access && access->vcpus.size() == vcpus;
  };
  if (!integration::eventually(std::chrono::seconds(20), armed)) {
    return Error{ErrorKind::kTimeout, "the sleeping VM does not come up", {}};
  }
  injection::PtraceOffsetWriter writer(testing::patient());
  Measurements with;
  Measurements without;
  for (int i = 0; i < 2 * kRounds; ++i) {
    const bool rearms = i % 2 == 0;
    std::vector<WantedOffset> wanted;
    for (VcpuId id = 0; id < vcpus; ++id) {
      wanted.push_back({id, 0, {}, rearms});
    }
    const auto report = writer.write(vms.at(0), wanted, testing::soon());
    if (!report) {
      return report.error();
    }
    (rearms ? with : without).add(microseconds(report->held));
  }
  const std::string what =
      "correction with timers armed anew, hold of " + number + " sleeping vCPUs";
  results.add(
      {what + ", median (baseline: without)", "us", with.median(), without.median(), {}, {}});
  results.add({what + ", p99 (baseline: without)", "us", with.p99(), without.p99(), {}, {}});
  return ok_status();
}

Status measure_without_attaching(Results& results) {
  const auto kvm = micro_vmm::open_kvm();
  if (!kvm) {
    return kvm.error();
  }
  micro_vmm::VmOptions options;
  options.program = micro_vmm::GuestProgram::kIdle;
  const auto vm = micro_vmm::Vm::create(kvm->get(), options);
  if (!vm) {
    return vm.error();
  }
  const std::string offset = HostRoot{}.debugfs + "/kvm/" + std::to_string((*vm)->creator()) + "-" +
                             std::to_string((*vm)->fd()) + "/vcpu0/tsc-offset";
  Measurements clock;
  Measurements file;
  for (int i = 0; i < kRounds; ++i) {
    const Stopwatch asking;
    if (auto read = (*vm)->clock(); !read) {
      return read.error();
    }
    clock.add(asking.seconds() * kMicro);
    std::array<char, 32> buffer{};
    const Stopwatch reading;
    if (auto read = read_small_file_at(AT_FDCWD, offset.c_str(), buffer); !read) {
      return read.error();
    }
    file.add(reading.seconds() * kMicro);
  }
  results.add({"KVM_GET_CLOCK by the VM's own process, median", "us", clock.median(), {}, {}, {}});
  results.add({"an offset from debugfs, median", "us", file.median(), {}, {}, {}});
  return ok_status();
}

}  // namespace

Status measure_one_call(Results& results) {
  const testing::Tracee waiting("sleeper", {"3600000", "ppoll"});
  if (!waiting.valid()) {
    return Error{ErrorKind::kIo, "the tracee does not start", {}};
  }
  const HostRoot root;
  const Tid thread{waiting.pid()};
  injection::KnownGadgets gadgets;
  Costs costs;
  for (int i = 0; i < kRounds; ++i) {
    for (const bool ours : {true, false}) {
      const auto layout = injection::ProcessLayout::read(root, waiting.pid(), &gadgets);
      if (!layout) {
        return layout.error();
      }
      const auto held = injection::TracerThread::run(
          [&](const injection::TracerThread& self) -> Result<Nanoseconds> {
            self.run_beside(root, waiting.pid(), thread);
            if (ours) {
              return hold_for_one_call(self, *layout, thread);
            }
            return bare_ptrace(self, thread, layout->gadgets, kGetppid, 1);
          });
      if (!held) {
        return held.error();
      }
      (ours ? costs.ours : costs.bare).add(microseconds(*held));
    }
  }
  add_rows("one getppid, hold of a thread in ppoll", "interrupt, 1 getppid, detach", costs, 1,
           results);
  return ok_status();
}

Status measure_attaching(Results& results) {
  if (const auto missing = testing::missing_for_qemu()) {
    results.skip("attaching", *missing);
    return ok_status();
  }
  if (auto measured = measure_without_attaching(results); !measured) {
    return measured;
  }
  std::vector<std::pair<unsigned, double>> holds;
  for (const unsigned vcpus : {1U, 4U, 16U}) {
    const auto hold = measure_qemu(vcpus, results);
    if (!hold) {
      return hold.error();
    }
    holds.emplace_back(vcpus, *hold);
  }
  for (const unsigned vcpus : {1U, 4U}) {
    if (auto measured = measure_rearming(vcpus, results); !measured) {
      return measured;
    }
  }
  for (const auto& [vcpus, hold] : holds) {
    if (vcpus > 1) {
      const std::string number = std::to_string(vcpus);
      results.add({"growth: hold of " + number + " vCPUs (baseline: " + number + " x that of 1)",
                   "us",
                   hold,
                   vcpus * holds.front().second,
                   {},
                   {}});
    }
  }
  return ok_status();
}

Status measure_monitoring(const std::string& debugfs, Results& results) {
  if (const auto missing = testing::missing_for_qemu()) {
    results.skip("monitoring with attach.mode clock", *missing);
    return ok_status();
  }
  const auto qemu = testing::start_qemu(2);
  if (!qemu) {
    return Error{ErrorKind::kIo, "QEMU does not start", {}};
  }
  const auto service = integration::Exporter::start(
      {"sweep:\n  interval: 500ms\nattach:\n  mode: clock\n  clock_interval: 1s\n",
       {"--path.debugfs=" + debugfs}});
  if (!service) {
    return service.error();
  }
  std::this_thread::sleep_for(kMonitoring);
  const auto samples = (*service)->metrics();
  if (!samples) {
    return samples.error();
  }
  const auto readings = samples->value("kvm_tsc_clock_read_hold_seconds_count");
  results.note("monitoring", std::to_string(kMonitoring.count()) + " s, " +
                                 std::to_string(static_cast<long>(readings.value_or(0))) +
                                 " clock readings of a QEMU");
  if (readings.value_or(0) < 2) {
    return Error{ErrorKind::kTimeout, "the service read no clock", {}};
  }
  results.add({"vCPUs paused by monitoring (attach.mode clock)",
               "pauses",
               samples->value("kvm_tsc_vcpu_pause_seconds_count"),
               {},
               0,
               {}});
  return ok_status();
}

}  // namespace kvmtsc::bench
