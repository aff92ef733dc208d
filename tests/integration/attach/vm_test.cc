// Clock triples, frequencies and offsets of VMs on /dev/kvm whose process knows nothing of us.
#include "tests/micro_vmm/vm.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "attach/ptrace/kvm_calls.h"
#include "attach/ptrace/ptrace_clock_source.h"
#include "attach/ptrace/ptrace_offset_writer.h"
#include "base/file.h"
#include "base/parse.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/integration/attach/inject.h"
#include "tests/integration/attach/tracee.h"
#include "tests/integration/attach/vm_fixture.h"
#include "tests/integration/eventually.h"
#include "tests/integration/paths.h"

namespace kvmtsc::testing {
namespace {

using injection::PtraceClockSource;
using injection::PtraceOffsetWriter;
using std::chrono::seconds;

class VmTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto missing = missing_for_vms()) {
      GTEST_SKIP() << *missing;
    }
  }
};

TEST_F(VmTest, TwoClockReadingsAdvanceTogether) {
  SpinningVmm vmm(2);
  ASSERT_TRUE(vmm.valid());
  const auto vm = vmm.vm();
  PtraceClockSource source(patient());
  const auto first = source.read_clock(vm, soon());
  ASSERT_TRUE(first) << first.error().text();
  ::usleep(200'000);
  const auto second = source.read_clock(vm, soon());
  ASSERT_TRUE(second) << second.error().text();
  const auto khz = source.read_frequency(vm, 0, soon());
  ASSERT_TRUE(khz) << khz.error().text();
  const double kvmclock_ns =
      static_cast<double>(second->triple.kvmclock_ns - first->triple.kvmclock_ns);
  const double tsc_ns = static_cast<double>(second->triple.host_tsc - first->triple.host_tsc) *
                        1e6 / static_cast<double>(khz->khz);
  const double real_ns = static_cast<double>(
      (second->triple.realtime.since_epoch - first->triple.realtime.since_epoch).count());
  const double bound = static_cast<double>((first->triple.bound + second->triple.bound).count()) +
                       kvmclock_ns * 1e-3;
  EXPECT_GE(kvmclock_ns, 200e6);
  EXPECT_NEAR(kvmclock_ns, tsc_ns, bound);
  EXPECT_NEAR(kvmclock_ns, real_ns, bound + 1e6);
  EXPECT_GT(first->held.count(), 0);
  EXPECT_TRUE(vmm.ends_well());
}

TEST_F(VmTest, AVcpuThatWasNotCreatedIsNotFound) {
  SpinningVmm vmm(1);
  ASSERT_TRUE(vmm.valid());
  const auto vm = vmm.vm();
  const auto khz = PtraceClockSource(patient()).read_frequency(vm, 7, soon());
  ASSERT_FALSE(khz);
  EXPECT_EQ(khz.error().kind, ErrorKind::kNotFound);
}

TEST_F(VmTest, OffsetsAreAppliedOrReportedAsNotApplied) {
  for (const bool paused : {false, true}) {
    SCOPED_TRACE(paused ? "paused" : "running");
    SpinningVmm vmm(3);
    ASSERT_TRUE(vmm.valid());
    ASSERT_TRUE(!paused || vmm.command("pause"));
    const auto vm = vmm.vm();
    PtraceOffsetWriter writer(patient());
    const std::vector<WantedOffset> wanted{{2, -777'000}, {0, -777'000}, {1, -777'000}};
    const auto report = writer.write(vm, wanted, soon());
    ASSERT_TRUE(report) << report.error().text();
    ASSERT_EQ(report->vcpus.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
      const VcpuWrite& vcpu = report->vcpus[i];
      EXPECT_EQ(vcpu.id, i);
      EXPECT_TRUE(vcpu.before);
      EXPECT_TRUE(vcpu.read_back);
      if (report->outcome == WriteOutcome::kApplied) {
        EXPECT_TRUE(vcpu.applied());
        EXPECT_FALSE(vcpu.error);
      } else {  // a KVM that ignores offsets: never "done"
        EXPECT_EQ(report->outcome, WriteOutcome::kRolledBack);
        EXPECT_TRUE(vcpu.accepted);
        EXPECT_FALSE(vcpu.applied());
        EXPECT_EQ(vcpu.after_rollback, vcpu.before);
        EXPECT_TRUE(report->failure);
      }
    }
    EXPECT_TRUE(vmm.ends_well());
  }
}

std::unique_ptr<integration::MicroVmm> sleeping_vmm(const char* guest,
                                                    const std::vector<std::string>& wrapper = {}) {
  auto started = integration::MicroVmm::start({"--guest", guest, "--vcpus", "2"}, wrapper);
  const auto asleep = [&] {
    const auto vms = vms_of((*started)->pid());
    const auto access = injection::resolve(HostRoot{}, vms.at(0));
    return access && access->vcpus.size() == 2;
  };
  return started && integration::eventually(seconds(20), asleep) ? *std::move(started) : nullptr;
}

// Whether or not this KVM applies offsets: a timer that is armed is armed anew either way.
TEST_F(VmTest, ATimerThatIsArmedIsArmedAnewWhereThatIsAskedFor) {
  const auto vmm = sleeping_vmm("timer");
  ASSERT_TRUE(vmm);
  const std::vector<WantedOffset> wanted{{0, -777'000, {}, true}, {1, -777'000}};
  const auto report = PtraceOffsetWriter(patient()).write(vms_of(vmm->pid()).at(0), wanted, soon());
  ASSERT_TRUE(report) << report.error().text();
  ASSERT_TRUE(report->vcpus[0].timer);
  EXPECT_EQ(report->vcpus[0].timer->state, VcpuTimer::State::kRearmed);
  EXPECT_FALSE(report->vcpus[0].timer->error);
  EXPECT_FALSE(report->vcpus[1].timer);
  EXPECT_TRUE(integration::eventually(seconds(20), [&] {
    const auto firings = vmm->command("firings");
    return firings && (*firings)["vcpus"][0]["times"] >= 2;
  }));
}

// micro-vmm makes no such call by itself.
TEST_F(VmTest, WhereAFilterKillsForATimersCallsOffsetsAreWrittenAndTimersAreLeft) {
  const auto vmm = sleeping_vmm("timer", {KVM_TSC_TRACEES "/filtered", "0xc008ae88", "0x80000000"});
  ASSERT_TRUE(vmm);
  const AttachTarget vm = vms_of(vmm->pid()).at(0);
  PtraceOffsetWriter writer(patient());
  const std::vector<WantedOffset> wanted{{0, -777'000, {}, true}, {1, -777'000, {}, true}};
  const auto report = writer.write(vm, wanted, soon());
  ASSERT_TRUE(report) << report.error().text();
  const auto tells = [](const std::optional<Error>& error) {
    return error && error->message.find("kill_process to ioctl KVM_GET_MSRS") != std::string::npos;
  };
  for (const VcpuWrite& vcpu : report->vcpus) {
    EXPECT_TRUE(vcpu.accepted) << "whether or not this KVM then applies it";
    ASSERT_TRUE(vcpu.timer);
    EXPECT_EQ(vcpu.timer->state, VcpuTimer::State::kNotRearmed);
    EXPECT_TRUE(tells(vcpu.timer->error));
  }
  const auto foreseen = writer.foresee(vm, std::vector<VcpuId>{0, 1});
  ASSERT_TRUE(foreseen) << foreseen.error().text();
  EXPECT_TRUE(tells(foreseen->timers));
  EXPECT_TRUE(vmm->command("firings"));
}

TEST_F(VmTest, AVcpuWithoutAnArmedTimerHasNone) {
  for (const char* const guest : {"halt", "spin"}) {  // with and without a LAPIC in the kernel
    const auto vmm = sleeping_vmm(guest);
    ASSERT_TRUE(vmm);
    const std::vector<WantedOffset> wanted{{0, -777'000, {}, true}, {1, -777'000, {}, true}};
    const auto report =
        PtraceOffsetWriter(patient()).write(vms_of(vmm->pid()).at(0), wanted, soon());
    ASSERT_TRUE(report) << report.error().text();
    for (const VcpuWrite& vcpu : report->vcpus) {
      ASSERT_TRUE(vcpu.timer);
      EXPECT_EQ(vcpu.timer->state, VcpuTimer::State::kNone);
    }
  }
}

// What QEMU leaves of a vCPU that was unplugged, and one that never ran.
TEST_F(VmTest, AVcpuThatNoThreadRunsIsWrittenByAnother) {
  SpinningVmm vmm(3);
  ASSERT_TRUE(vmm.valid());
  ASSERT_TRUE(vmm.command("end-thread 1"));
  const auto vm = vmm.vm();
  PtraceOffsetWriter writer(patient());
  const auto report =
      writer.write(vm, std::vector<WantedOffset>{{0, -5000}, {1, -5000}, {2, -5000}}, soon());
  ASSERT_TRUE(report) << report.error().text();
  ASSERT_EQ(report->vcpus.size(), 3U);
  const VcpuWrite& parked = report->vcpus[1];
  EXPECT_EQ(parked.id, 1U);
  EXPECT_TRUE(parked.accepted);
  EXPECT_TRUE(parked.before);
  EXPECT_TRUE(parked.read_back);
  EXPECT_EQ(parked.held.count(), 0);
  EXPECT_GT(report->vcpus[0].held.count(), 0);
  if (report->outcome == WriteOutcome::kApplied) {
    EXPECT_TRUE(parked.applied());
  } else {  // a KVM that ignores offsets
    EXPECT_EQ(report->outcome, WriteOutcome::kRolledBack);
    EXPECT_EQ(parked.after_rollback, parked.before);
  }
  EXPECT_TRUE(vmm.answers_and_ends());
}

TEST_F(VmTest, OffsetsOfAVmThatNeverRanAreWrittenToo) {
  SpinningVmm vmm = SpinningVmm::idle(2);
  ASSERT_TRUE(vmm.valid());
  PtraceOffsetWriter writer(patient());
  const auto report =
      writer.write(vmm.vm(), std::vector<WantedOffset>{{0, -5000}, {1, -5000}}, soon());
  ASSERT_TRUE(report) << report.error().text();
  for (const VcpuWrite& vcpu : report->vcpus) {
    EXPECT_TRUE(vcpu.accepted) << (vcpu.error ? vcpu.error->text() : "");
  }
  EXPECT_TRUE(vmm.answers_and_ends());
}

TEST_F(VmTest, AnOffsetThatIsNotTheExpectedOneStopsAParkedVcpusWriteToo) {
  SpinningVmm vmm(2);
  ASSERT_TRUE(vmm.valid());
  ASSERT_TRUE(vmm.command("end-thread 1"));
  PtraceOffsetWriter writer(patient());
  const auto report =
      writer.write(vmm.vm(), std::vector<WantedOffset>{{0, 1}, {1, 1, 12345}}, soon());
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(vmm.answers_and_ends());
}

TEST_F(VmTest, WhatAWriteWouldRefuseIsForeseenWithoutStoppingAnybody) {
  SpinningVmm vmm(2);
  ASSERT_TRUE(vmm.valid());
  const auto vm = vmm.vm();
  const PtraceOffsetWriter writer(patient());
  const auto foresee = [&](std::vector<VcpuId> vcpus) { return writer.foresee(vm, vcpus); };
  EXPECT_TRUE(foresee({0, 1}));
  EXPECT_EQ(foresee({0, 7}).error().kind, ErrorKind::kRefused);
  ASSERT_EQ(::kill(vmm.pid(), SIGSTOP), 0);
  EXPECT_TRUE(integration::eventually(integration::Milliseconds(2000), [&] {
    const auto stopped = foresee({0, 1});
    return !stopped && stopped.error().message.find("is stopped") != std::string::npos;
  }));
  ASSERT_EQ(::kill(vmm.pid(), SIGCONT), 0);
  EXPECT_TRUE(integration::eventually(integration::Milliseconds(2000), [&] {
    return foresee({0, 1}).ok();
  }));
  EXPECT_TRUE(vmm.ends_well());
  const auto gone = foresee({0, 1});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, ErrorKind::kGone) << gone.error().text();
}

TEST_F(VmTest, ListsThatMakeNoSenseWriteNothing) {
  SpinningVmm vmm(1);
  ASSERT_TRUE(vmm.valid());
  const auto vm = vmm.vm();
  PtraceOffsetWriter writer(patient());
  EXPECT_EQ(writer.write(vm, {}, soon()).error().kind, ErrorKind::kInvalid);
  const std::vector<WantedOffset> twice{{0, 1}, {0, 2}};
  EXPECT_EQ(writer.write(vm, twice, soon()).error().kind, ErrorKind::kInvalid);
  const std::vector<WantedOffset> absent{{0, 1}, {9, 1}};
  EXPECT_EQ(writer.write(vm, absent, soon()).error().kind, ErrorKind::kRefused);
}

TEST_F(VmTest, AnUnexpectedOffsetIsAConflictAndNothingIsWritten) {
  SpinningVmm vmm(2);
  ASSERT_TRUE(vmm.valid());
  const auto vm = vmm.vm();
  PtraceOffsetWriter writer(patient());
  const std::vector<WantedOffset> same{{0, 0}, {1, 0}};
  const auto before = writer.write(vm, same, soon());
  ASSERT_TRUE(before) << before.error().text();
  const std::int64_t found = before->vcpus[1].read_back.value_or(0);

  // vCPU 0 could be written; it is not, for vCPU 1 is not as expected.
  const std::vector<WantedOffset> unexpected{{0, 5000}, {1, 5000, found + 1}};
  const auto refused = writer.write(vm, unexpected, soon());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict) << refused.error().text();
  EXPECT_NE(refused.error().message.find("vCPU 1"), std::string::npos) << refused.error().text();
  EXPECT_FALSE(refused.error().remedy.empty());

  const std::vector<WantedOffset> expected{{0, found, before->vcpus[0].read_back},
                                           {1, found, found}};
  const auto after = writer.write(vm, expected, soon());
  ASSERT_TRUE(after) << after.error().text();
  EXPECT_EQ(after->vcpus[0].before, before->vcpus[0].read_back);
  EXPECT_TRUE(vmm.ends_well());
}

TEST_F(VmTest, TheRightVmOfTwoIsFoundWhileTheyRun) {
  SpinningVmm vmm(2, 2);
  ASSERT_TRUE(vmm.valid());
  const auto vms = vms_of(vmm.pid());
  ASSERT_EQ(vms.size(), 2U);
  PtraceClockSource source(patient());
  for (const auto& vm : vms) {
    const auto clock = source.read_clock(vm, soon());
    EXPECT_TRUE(clock) << clock.error().text();
    const auto khz = source.read_frequency(vm, 1, soon());
    EXPECT_TRUE(khz) << khz.error().text();
  }
  EXPECT_TRUE(vmm.ends_well());
}

TEST_F(VmTest, TwoPausedVmsCannotBeToldApartAndAreRefused) {
  SpinningVmm vmm(1, 2);
  ASSERT_TRUE(vmm.valid());
  ASSERT_TRUE(vmm.command("pause"));
  const auto vms = vms_of(vmm.pid());
  ASSERT_EQ(vms.size(), 2U);
  const auto khz = PtraceClockSource(patient()).read_frequency(vms[1], 0, soon());
  ASSERT_FALSE(khz);
  EXPECT_EQ(khz.error().kind, ErrorKind::kRefused);
  EXPECT_FALSE(khz.error().remedy.empty());
  EXPECT_TRUE(vmm.ends_well());
}

TEST_F(VmTest, AReusedProcessNumberIsNoticed) {
  SpinningVmm vmm(1);
  ASSERT_TRUE(vmm.valid());
  auto vm = vmm.vm();
  vm.process_start += 1;
  EXPECT_EQ(PtraceClockSource(patient()).read_clock(vm, soon()).error().kind, ErrorKind::kGone);
}

TEST_F(VmTest, AVmThatDiesIsGone) {
  SpinningVmm vmm(1);
  ASSERT_TRUE(vmm.valid());
  const auto vm = vmm.vm();
  (void)vmm.process().send_signal(SIGKILL);
  ASSERT_TRUE(vmm.process().wait_exit(integration::Milliseconds{10'000}));
  const auto clock = PtraceClockSource(patient()).read_clock(vm, soon());
  ASSERT_FALSE(clock);
  EXPECT_TRUE(clock.error().kind == ErrorKind::kGone || clock.error().kind == ErrorKind::kNotFound)
      << clock.error().text();
}

TEST_F(VmTest, ReadsAndWritesByTheHundredLeaveTheVmRunning) {
  SpinningVmm vmm(2);
  ASSERT_TRUE(vmm.valid());
  const auto vm = vmm.vm();
  PtraceClockSource source(patient());
  PtraceOffsetWriter writer(patient());
  int done = 0;
  const std::vector<WantedOffset> wanted{{0, 5000}, {1, 5000}};
  const MonotonicTime end = system_clock().monotonic() + seconds(2);
  while (system_clock().monotonic() < end) {
    const auto clock = source.read_clock(vm, soon());
    ASSERT_TRUE(clock) << clock.error().text();
    const auto report = writer.write(vm, wanted, soon());
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_NE(report->outcome, WriteOutcome::kUncertain);
    ++done;
  }
  EXPECT_TRUE(vmm.ends_well());
  EXPECT_GT(done, 5);
  std::cout << done << " cycles\n";
}

TEST_F(VmTest, AVmmInAnotherPidNamespaceIsReached) {
  // KVM names VMs and vCPU threads by the host's numbers, whatever the VMM takes itself for.
  const auto program = integration::product_program("micro-vmm");
  Tracee inside("/usr/bin/unshare", {"--pid", "--fork", "--kill-child", program, "--vcpus", "2"});
  if (!inside.valid()) {
    GTEST_SKIP() << "needs unshare and the right to make PID namespaces: " << inside.errors();
  }
  const auto children = read_file("/proc/" + std::to_string(inside.pid()) + "/task/" +
                                      std::to_string(inside.pid()) + "/children",
                                  64);
  ASSERT_TRUE(children);
  const auto vmm = parse_u32(*children);
  ASSERT_TRUE(vmm);
  const auto vms = vms_of(static_cast<pid_t>(*vmm));
  ASSERT_EQ(vms.size(), 1U);
  PtraceClockSource source(patient());
  const auto clock = source.read_clock(vms[0], soon());
  EXPECT_TRUE(clock) << clock.error().text();
  ASSERT_TRUE(integration::eventually(integration::Milliseconds{5000}, [&] {
    return source.read_frequency(vms[0], 1, soon()).ok();
  }));
}

TEST_F(VmTest, WhereTheKernelDoesNotTellVcpuThreadsNothingIsStopped) {
  SpinningVmm vmm(1);
  ASSERT_TRUE(vmm.valid());
  const auto vm = vmm.vm();
  // An older kernel's debugfs: the same VM, without vcpuN/pid.
  TemporaryDirectory debugfs;
  const std::string directory = debugfs.path() + "/kvm/" + directory_name(vm.key) + "/vcpu0";
  std::filesystem::create_directories(directory);
  std::ofstream(directory + "/tsc-offset") << "0\n";
  auto options = patient();
  options.root.debugfs = debugfs.path();
  const auto clock = PtraceClockSource(options).read_clock(vm, soon());
  ASSERT_FALSE(clock);
  EXPECT_EQ(clock.error().kind, ErrorKind::kUnsupported) << clock.error().text();
  EXPECT_NE(clock.error().message.find("vcpuN/pid"), std::string::npos) << clock.error().text();
  EXPECT_TRUE(vmm.ends_well());
}

TEST_F(VmTest, DescriptorsThatWereClosedOrReusedAreGone) {
  SpinningVmm vmm(1);
  ASSERT_TRUE(vmm.valid());
  for (const int fd : {0, 999}) {  // a pipe; nothing
    const auto result =
        call_in(vmm.pid(), injection::Tid{vmm.pid()}, injection::ioctl_call(fd, KVM_GET_CLOCK, 0));
    ASSERT_TRUE(result) << result.error().text();
    EXPECT_EQ(*result, fd == 0 ? -ENOTTY : -EBADF);
    EXPECT_EQ(injection::ioctl_error("KVM_GET_CLOCK", *result).kind, ErrorKind::kGone);
  }
  EXPECT_TRUE(vmm.ends_well());
}

TEST_F(VmTest, AnAttributeThatTheKernelLacksIsUnsupported) {
  SpinningVmm vmm(1);
  ASSERT_TRUE(vmm.valid());
  const auto access = injection::resolve(HostRoot{}, vmm.vm());
  ASSERT_TRUE(access) << access.error().text();
  const auto layout = injection::ProcessLayout::read(HostRoot{}, vmm.pid());
  ASSERT_TRUE(layout) << layout.error().text();
  const injection::VcpuAccess& vcpu = access->vcpus.at(0);
  const auto result = with_held(
      *layout, vcpu.thread, {}, soon(), [&](injection::SavedState& state) -> Result<std::int64_t> {
        kvm_device_attr attribute{};
        attribute.group = KVM_VCPU_TSC_CTRL;
        attribute.attr = 99;
        attribute.addr = state.argument_area().value;
        if (auto placed = state.write_argument(64, std::as_bytes(std::span{&attribute, 1}));
            !placed) {
          return placed.error();
        }
        return state.call(injection::ioctl_call(vcpu.descriptors.front(), KVM_GET_DEVICE_ATTR,
                                                (state.argument_area() + 64).value),
                          soon());
      });
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(*result, -ENXIO);
  EXPECT_EQ(injection::ioctl_error("KVM_GET_DEVICE_ATTR", *result).kind, ErrorKind::kUnsupported);
  EXPECT_TRUE(vmm.ends_well());
}

TEST_F(VmTest, AnothersVmAnswersAsADyingOneDoes) {
  const auto kvm = micro_vmm::open_kvm();
  ASSERT_TRUE(kvm) << kvm.error().text();
  micro_vmm::VmOptions options;
  options.program = micro_vmm::GuestProgram::kIdle;
  const auto vm = micro_vmm::Vm::create(kvm->get(), options);
  ASSERT_TRUE(vm) << vm.error().text();
  const pid_t heir = ::fork();  // has the descriptors, but not the memory that KVM knows
  if (heir == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
      ::pause();
    }
  }
  const auto result =
      call_in(heir, injection::Tid{heir}, injection::ioctl_call((*vm)->fd(), KVM_GET_CLOCK, 0));
  ::kill(heir, SIGKILL);
  ::waitpid(heir, nullptr, 0);
  ASSERT_TRUE(result) << result.error().text();
  EXPECT_EQ(*result, -EIO);
  EXPECT_EQ(injection::ioctl_error("KVM_GET_CLOCK", *result).kind, ErrorKind::kGone);
}

}  // namespace
}  // namespace kvmtsc::testing
