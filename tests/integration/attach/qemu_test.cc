// Attaching to a stock QEMU.
#include "tests/integration/attach/qemu.h"

#include <unistd.h>

#include <chrono>
#include <vector>

#include <gtest/gtest.h>

#include "attach/ptrace/ptrace_clock_source.h"
#include "attach/ptrace/ptrace_offset_writer.h"
#include "tests/integration/attach/vm_fixture.h"

namespace kvmtsc::testing {
namespace {

using injection::PtraceClockSource;
using injection::PtraceOffsetWriter;
using injection::PtraceOptions;
using std::chrono::seconds;

MonotonicTime soon() {
  return system_clock().monotonic() + seconds(2);
}

TEST(QemuTest, IsReadAndWrittenWhileRunningAndWhilePaused) {
  if (const auto missing = missing_for_qemu()) {
    GTEST_SKIP() << *missing;
  }
  Qemu qemu(2);
  ASSERT_TRUE(qemu.valid()) << qemu.process().errors();
  const auto vms = vms_of(qemu.process().pid());
  ASSERT_EQ(vms.size(), 1U);
  PtraceOptions options;
  options.longest_hold = seconds(1);
  PtraceClockSource source(options);
  PtraceOffsetWriter writer(options);
  for (const bool paused : {false, true}) {
    SCOPED_TRACE(paused ? "paused" : "running");
    if (paused) {
      ASSERT_TRUE(qemu.command("stop"));
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
      ASSERT_TRUE(qemu.command("cont"));
    }
  }
  EXPECT_TRUE(qemu.stop_and_continue());
  EXPECT_TRUE(qemu.command("quit"));
  EXPECT_EQ(qemu.process().wait(10), 0) << qemu.process().errors();
}

}  // namespace
}  // namespace kvmtsc::testing
