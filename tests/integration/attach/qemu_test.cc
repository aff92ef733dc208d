// Attaching to a stock QEMU.
#include <unistd.h>

#include <chrono>
#include <iostream>
#include <vector>

#include <gtest/gtest.h>

#include "attach/ptrace/ptrace_clock_source.h"
#include "attach/ptrace/ptrace_offset_writer.h"
#include "tests/integration/attach/vm_fixture.h"

namespace kvmtsc::testing {
namespace {

TEST(QemuTest, IsReadAndWrittenWhileRunningAndWhilePaused) {
  if (const auto missing = missing_for_qemu()) {
    GTEST_SKIP() << *missing;
  }
  const auto qemu = start_qemu(2);
  ASSERT_TRUE(qemu);
  const auto vms = vms_of(qemu->pid());
  ASSERT_EQ(vms.size(), 1U);
  injection::PtraceClockSource source(patient());
  injection::PtraceOffsetWriter writer(patient());
  for (const bool paused : {false, true}) {
    SCOPED_TRACE(paused ? "paused" : "running");
    if (paused) {
      ASSERT_TRUE(qemu->qmp("stop"));
    }
    const auto first = source.read_clock(vms[0], soon());
    ASSERT_TRUE(first) << first.error().text();
    ::usleep(50'000);
    const auto second = source.read_clock(vms[0], soon());
    ASSERT_TRUE(second) << second.error().text();
    EXPECT_GT(second->triple.host_tsc, first->triple.host_tsc);
    EXPECT_GE(second->triple.kvmclock_ns, first->triple.kvmclock_ns);
    for (const VcpuId id : {0U, 1U}) {
      const auto khz = source.read_frequency(vms[0], id, soon());
      ASSERT_TRUE(khz) << khz.error().text();
      EXPECT_GT(khz->khz, 100'000U);
    }
    const std::vector<WantedOffset> wanted{{0, 1234}, {1, 1234}};
    const auto report = writer.write(vms[0], wanted, soon());
    ASSERT_TRUE(report) << report.error().text();
    EXPECT_NE(report->outcome, WriteOutcome::kUncertain);
    std::cout << "clock held its thread " << first->held.count() / 1000
              << " us, a correction 2 vCPUs " << report->held.count() / 1000 << " us\n";
    if (paused) {
      ASSERT_TRUE(qemu->qmp("cont"));
    }
  }
  EXPECT_TRUE(stop_and_continue(*qemu));
  EXPECT_TRUE(quits(*qemu));
}

// As libvirt starts every QEMU.
const std::vector<std::string> kSandboxed{
    "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"};
using Kind = CallVerdict::Kind;

bool has_filters(pid_t process) {
  const auto facts = injection::read_thread_facts(HostRoot{}, process, injection::Tid{process});
  return facts && facts->seccomp == injection::kSeccompFilter;
}

TEST(QemuTest, InItsSandboxIsReadAndWrittenWithTheFiltersInForce) {
  if (const auto missing = missing_for_qemu()) {
    GTEST_SKIP() << *missing;
  }
  const auto qemu = start_qemu(2, kSandboxed);
  ASSERT_TRUE(qemu);
  ASSERT_TRUE(has_filters(qemu->pid()));
  const AttachTarget vm = vms_of(qemu->pid()).at(0);
  const auto options = patient();
  injection::PtraceClockSource source(options);
  injection::PtraceOffsetWriter writer(options);
  const std::vector<VcpuId> ids{0, 1};
  EXPECT_EQ(source.call_filters(vm.key)->clock.kind, Kind::kUnknown);
  EXPECT_TRUE(writer.foresee(vm, ids)) << "nothing is known of its filters yet";
  for (int i = 0; i < 3; ++i) {
    const auto reading = source.read_clock(vm, soon());
    ASSERT_TRUE(reading) << reading.error().text();
    std::cout << "clock held its thread " << reading->held.count() / 1000 << " us\n";
  }
  EXPECT_EQ(source.call_filters(vm.key)->clock.kind, Kind::kAllowed);
  EXPECT_EQ(source.call_filters(vm.key)->corrections.kind, Kind::kUnknown);
  for (const VcpuId id : ids) {
    const auto khz = source.read_frequency(vm, id, soon());
    ASSERT_TRUE(khz) << khz.error().text();
    EXPECT_GT(khz->khz, 100'000U);
  }
  EXPECT_EQ(source.call_filters(vm.key)->corrections.kind, Kind::kAllowed);
  EXPECT_TRUE(writer.foresee(vm, ids));
  EXPECT_FALSE(writer.foresee(vm, ids)->timers);
  const auto report =
      writer.write(vm, std::vector<WantedOffset>{{0, 1234, {}, true}, {1, 1234, {}, true}}, soon());
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_NE(report->outcome, WriteOutcome::kUncertain);
  for (const VcpuWrite& write : report->vcpus) {
    EXPECT_TRUE(write.accepted) << "whether or not this KVM then applies it";
    ASSERT_TRUE(write.timer);
    EXPECT_FALSE(write.timer->error);
  }
  EXPECT_TRUE(has_filters(qemu->pid()));
  EXPECT_TRUE(stop_and_continue(*qemu));
  EXPECT_TRUE(quits(*qemu));
}

TEST(QemuTest, WhoseFilterKillsForAWriteIsNotWritten) {
  if (const auto missing = missing_for_qemu()) {
    GTEST_SKIP() << *missing;
  }
  const auto qemu = start_qemu(
      2, {}, {KVM_TSC_TRACEES "/filtered", "0x4018aee1", "0x80000000"});  // KVM_SET_DEVICE_ATTR
  ASSERT_TRUE(qemu);
  ASSERT_TRUE(has_filters(qemu->pid()));
  const AttachTarget vm = vms_of(qemu->pid()).at(0);
  const auto options = patient();
  injection::PtraceClockSource source(options);
  injection::PtraceOffsetWriter writer(options);
  const std::vector<VcpuId> ids{0, 1};
  const auto expect_denied = [](const Status& status) {
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().kind, ErrorKind::kRefused);
    EXPECT_NE(status.error().message.find("kill_process to ioctl KVM_SET_DEVICE_ATTR"),
              std::string::npos)
        << status.error().text();
  };
  for (int i = 0; i < 2; ++i) {
    const auto report = writer.write(vm, std::vector<WantedOffset>{{0, 1234}, {1, 1234}}, soon());
    expect_denied(report ? ok_status() : Status{report.error()});
    const auto foreseen = writer.foresee(vm, ids);
    expect_denied(foreseen ? ok_status() : Status{foreseen.error()});
  }
  const auto reading = source.read_clock(vm, soon());
  EXPECT_TRUE(reading) << reading.error().text();
  for (const VcpuId id : ids) {
    EXPECT_TRUE(source.read_frequency(vm, id, soon()));
  }
  EXPECT_EQ(source.call_filters(vm.key)->clock.kind, Kind::kAllowed);
  EXPECT_EQ(source.call_filters(vm.key)->corrections.kind, Kind::kDenied);
  EXPECT_TRUE(stop_and_continue(*qemu));
  EXPECT_TRUE(quits(*qemu));
}

}  // namespace
}  // namespace kvmtsc::testing
