// The service beside a real QEMU: its name, uuid and vCPUs.
#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "tests/fakes/temporary_directory.h"
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

// Several options say name and uuid, one of them in a file: what counts for us counts for QEMU.
TEST(RealQemuIdentityTest, IsExportedAsQemuCallsItself) {
  REQUIRE_KVM();
  REQUIRE_ROOT();
  REQUIRE_PROGRAM("qemu-system-x86_64");
  const auto debugfs = Debugfs::open();
  if (!debugfs) {
    GTEST_SKIP() << "missing: " << debugfs.error().text();
  }
  TemporaryDirectory directory;
  const std::string file =
      directory.write("vm.cfg", "# of a test\n[name]\n  guest = \"kvm-tsc-test, from a file\"\n");
  const std::string uuid = "7d0f2b8e-1c55-4c7b-9a39-52b3f3c6a0d4";
  const auto qemu =
      Qemu::start({"kvm-tsc-test-first",
                   kUuid,
                   1,
                   {"-smbios", "type=1,manufacturer=a,,b,uuid=" + uuid, "-readconfig", file}});
  ASSERT_OK(qemu);
  const auto name = (*qemu)->qmp("query-name");
  const auto own_uuid = (*qemu)->qmp("query-uuid");
  ASSERT_OK(name);
  ASSERT_OK(own_uuid);
  ExporterOptions options;
  options.flags = {"--path.debugfs=" + (*debugfs)->path()};
  const auto exporter = Exporter::start(options);
  ASSERT_OK(exporter);
  const Labels wanted{{"vm", (*name)["name"].get<std::string>()},
                      {"uuid", (*own_uuid)["UUID"].get<std::string>()},
                      {"pid", std::to_string((*qemu)->pid())}};
  EXPECT_EQ(wanted.at("uuid"), uuid);
  EXPECT_TRUE(eventually(kPatience, [&] {
    const auto samples = (*exporter)->metrics();
    return samples && samples->value("kvm_tsc_vm_info", wanted) == 1;
  })) << wanted.at("vm");
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
