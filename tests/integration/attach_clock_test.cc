// The service reads the clock of a real QEMU, holds no vCPU for it, and QEMU lives on.
#include <string>

#include <gtest/gtest.h>

#include "tests/integration/debugfs.h"
#include "tests/integration/eventually.h"
#include "tests/integration/exporter.h"
#include "tests/integration/qemu.h"
#include "tests/integration/requirements.h"

namespace kvmtsc::integration {
namespace {

constexpr Milliseconds kPatience{15000};

TEST(AttachClockTest, MonitoringReadsClocksAndPausesNoVcpu) {
  REQUIRE_KVM();
  REQUIRE_ROOT();
  REQUIRE_PROGRAM("qemu-system-x86_64");
  const auto debugfs = Debugfs::open();
  if (!debugfs) {
    GTEST_SKIP() << "missing: " << debugfs.error().text();
  }
  const auto qemu = Qemu::start({"kvm-tsc-test-clock", "3a6b1d0c-52f7-4c0e-8d1b-6f9a2e7c4d35", 2});
  ASSERT_OK(qemu);
  ExporterOptions options;
  options.config = "sweep:\n  interval: 200ms\nattach:\n  clock_interval: 1s\n";
  options.flags = {"--path.debugfs=" + (*debugfs)->path(), "--attach.mode=clock"};
  const auto exporter = Exporter::start(options);
  ASSERT_OK(exporter);

  // Two readings of this VM at least: the second gives the divergence.
  std::string vm;
  EXPECT_TRUE(
      eventually(kPatience,
                 [&] {
                   const auto samples = (*exporter)->metrics();
                   vm = samples ? vm_label_of(*samples, (*qemu)->pid()).value_or("") : "";
                   return !vm.empty() && samples->value("kvm_tsc_vm_master_clock", {{"vm", vm}}) &&
                          samples->value("kvm_tsc_clock_read_hold_seconds_count").value_or(0) >= 2;
                 }))
      << "no kvm_tsc_vm_master_clock of pid " << (*qemu)->pid();
  const auto samples = (*exporter)->metrics();
  ASSERT_OK(samples);
  EXPECT_EQ(samples->value("kvm_tsc_vcpu_pause_seconds_count"), 0);
  EXPECT_EQ(samples->value("kvm_tsc_vm_clock_read_errors_total", {{"vm", vm}}), 0);

  // "stop" answers only once each vCPU's thread has answered.
  EXPECT_TRUE((*qemu)->qmp("stop"));
  EXPECT_TRUE((*qemu)->qmp("cont"));
  EXPECT_TRUE((*qemu)->qmp("quit"));
  const auto status = (*qemu)->process().wait_exit(kPatience);
  ASSERT_OK(status);
  EXPECT_EQ(status->signal, 0);
  EXPECT_EQ(status->code, 0);
}

}  // namespace
}  // namespace kvmtsc::integration
