// The service beside a real QEMU: its name, uuid and vCPUs.
#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "tests/integration/debugfs.h"
#include "tests/integration/eventually.h"
#include "tests/integration/exporter.h"
#include "tests/integration/qemu.h"
#include "tests/integration/requirements.h"

namespace kvmtsc::integration {
namespace {

constexpr Milliseconds kPatience{8000};
constexpr const char* kUuid = "0b8f6a52-77c9-4c4b-8a0e-2f1d3c5b7e90";

struct QemuCase {
  const char* description;
  const char* argument;  // of -name
  const char* name;      // that it gives
};

// GoogleTest prints a case so; ctest shows it beside the test's name.
std::ostream& operator<<(std::ostream& out, const QemuCase& tested) {
  return out << "-name " << tested.argument;
}

class RealQemuTest : public testing::TestWithParam<QemuCase> {};

TEST_P(RealQemuTest, IsExportedUnderItsName) {
  REQUIRE_KVM();
  REQUIRE_PROGRAM("qemu-system-x86_64");
  const auto debugfs = Debugfs::open();
  if (!debugfs) {
    GTEST_SKIP() << "missing: " << debugfs.error().text();
  }
  const auto qemu = Qemu::start({GetParam().argument, kUuid, 2});
  ASSERT_OK(qemu);
  ExporterOptions options;
  options.flags = {"--path.debugfs=" + (*debugfs)->path()};
  const auto exporter = Exporter::start(options);
  ASSERT_OK(exporter);

  std::optional<Sample> info;
  std::optional<double> vcpus;
  EXPECT_TRUE(eventually(kPatience,
                         [&] {
                           const auto samples = (*exporter)->metrics();
                           if (samples) {
                             const auto found = samples->find(
                                 "kvm_tsc_vm_info", {{"pid", std::to_string((*qemu)->pid())}});
                             info = found.size() == 1 ? std::optional(found[0]) : std::nullopt;
                             vcpus = info ? samples->value("kvm_tsc_vm_vcpus",
                                                           {{"vm", info->labels.at("vm")}})
                                          : std::nullopt;
                           }
                           return vcpus == 2;
                         }))
      << "no kvm_tsc_vm_info of pid " << (*qemu)->pid() << " with kvm_tsc_vm_vcpus 2";
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->labels["vm"], GetParam().name);
  EXPECT_EQ(info->labels["uuid"], kUuid);
  EXPECT_EQ(info->labels["vmm"], "qemu");
}

INSTANTIATE_TEST_SUITE_P(
    Names, RealQemuTest,
    testing::Values(QemuCase{"Plain", "kvm-tsc-test-web01", "kvm-tsc-test-web01"},
                    QemuCase{"Guest", "guest=kvm-tsc-test-db,debug-threads=on", "kvm-tsc-test-db"},
                    QemuCase{"DoubledCommas", "guest=kvm-tsc-test,,eu,,1,debug-threads=on",
                             "kvm-tsc-test,eu,1"}),
    [](const auto& tested) { return tested.param.description; });

}  // namespace
}  // namespace kvmtsc::integration
