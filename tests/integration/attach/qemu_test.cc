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

}  // namespace
}  // namespace kvmtsc::testing
