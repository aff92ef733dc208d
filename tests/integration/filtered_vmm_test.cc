// VMMs under seccomp beside the service: what their filters allow is done, what they deny is said
// before it is tried, and both QEMUs live on.
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/fakes/temporary_directory.h"
#include "tests/integration/debugfs.h"
#include "tests/integration/eventually.h"
#include "tests/integration/exporter.h"
#include "tests/integration/paths.h"
#include "tests/integration/process.h"
#include "tests/integration/qemu.h"
#include "tests/integration/requirements.h"

namespace kvmtsc::integration {
namespace {

using nlohmann::json;
using testing::AnyOf;
using testing::HasSubstr;

constexpr Milliseconds kPatience{15000};
constexpr const char* kDenied = "kill_process to ioctl KVM_SET_DEVICE_ATTR";

bool lives_and_quits(Qemu& qemu) {
  // "stop" answers only once each vCPU's thread has answered.
  if (!qemu.qmp("stop") || !qemu.qmp("cont") || !qemu.qmp("quit")) {
    return false;
  }
  const auto status = qemu.process().wait_exit(kPatience);
  return status && status->signal == 0 && status->code == 0;
}

TEST(FilteredVmmTest, IsAttachedToAsFarAsItsFiltersAllow) {
  REQUIRE_KVM();
  REQUIRE_ROOT();
  REQUIRE_PROGRAM("qemu-system-x86_64");
  const auto debugfs = Debugfs::open();
  if (!debugfs) {
    GTEST_SKIP() << "missing: " << debugfs.error().text();
  }
  const auto libvirts = Qemu::start(
      {"sandboxed",
       "3a6b1d0c-52f7-4c0e-8d1b-6f9a2e7c4d36",
       2,
       {"-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"}});
  ASSERT_OK(libvirts);
  const auto strict = Qemu::start({"strict",
                                   "3a6b1d0c-52f7-4c0e-8d1b-6f9a2e7c4d37",
                                   2,
                                   {},
                                   {KVM_TSC_TRACEES "/filtered", "0x4018aee1", "0x80000000"}});
  ASSERT_OK(strict);
  const TemporaryDirectory directory;
  const std::string socket = "unix:" + directory.path() + "/socket";  // root may correct there
  ExporterOptions options;
  options.config =  // other tests' VMs are none of its business
      "sweep:\n  interval: 200ms\nattach:\n  clock_interval: 1s\n"
      "  include:\n    - {match: name, pattern: '^(sandboxed|strict)$'}\n";
  options.flags = {"--path.debugfs=" + (*debugfs)->path(), "--attach.mode=correct",
                   "--correction.enabled", "--audit.path=" + directory.path() + "/audit.db",
                   "--web.listen-address=" + socket};
  const auto exporter = Exporter::start(options);
  ASSERT_OK(exporter);
  const auto seccomp_of = [&](const std::string& vm) {
    const auto reply = (*exporter)->get("/api/v1/vms/" + vm);
    const json body = reply ? json::parse(reply->body, nullptr, false) : json();
    return body.value("seccomp", json());
  };
  const auto verdict = [&](const std::string& vm, const char* purpose) {
    const json seccomp = seccomp_of(vm);
    return seccomp.is_object() ? seccomp[purpose]["verdict"].get<std::string>() : "none";
  };
  EXPECT_TRUE(eventually(kPatience, [&] {
    return verdict("sandboxed", "corrections") != "unknown" &&
           verdict("strict", "corrections") != "unknown" && verdict("strict", "clock") != "none";
  }));
  EXPECT_EQ(verdict("sandboxed", "clock"), "allowed");
  EXPECT_EQ(verdict("sandboxed", "corrections"), "allowed");
  EXPECT_EQ(verdict("strict", "clock"), "allowed");
  EXPECT_EQ(verdict("strict", "corrections"), "denied");
  EXPECT_THAT(seccomp_of("strict").dump(), HasSubstr(kDenied));
  const auto samples = (*exporter)->metrics();
  ASSERT_OK(samples);
  for (const char* vm : {"sandboxed", "strict"}) {
    EXPECT_EQ(samples->value("kvm_tsc_vm_clock_read_errors_total", {{"vm", vm}}), 0) << vm;
  }

  const auto kvm_tsc = [&](std::vector<std::string> arguments) {
    std::vector<std::string> command{product_program("kvm-tsc"), "--server", socket};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const auto finished = run_program(std::move(command), "", kPatience);
    EXPECT_OK(finished);
    return finished ? finished->output + finished->error_output : "";
  };
  const std::string doctor = kvm_tsc({"doctor", "--path.debugfs=" + (*debugfs)->path()});
  EXPECT_THAT(doctor, HasSubstr("sandboxed: clock allowed; corrections allowed"));
  EXPECT_THAT(doctor, HasSubstr("strict: clock allowed; corrections denied (thread "));
  EXPECT_THAT(doctor, HasSubstr(kDenied));
  EXPECT_THAT(kvm_tsc({"plan", "strict", "--shift", "1000"}), HasSubstr(kDenied));
  const auto correct = [&](const char* vm) {
    return kvm_tsc({"correct", vm, "--shift", "1000", "--yes", "--reason", "a test", "--allow",
                    "protected_tsc"});
  };
  EXPECT_THAT(correct("strict"), HasSubstr(kDenied));
  // Its filter lets the writes through; what this host's KVM makes of them is another matter.
  EXPECT_THAT(correct("sandboxed"), AnyOf(HasSubstr("not_applied  "), HasSubstr("corrected  ")));
  EXPECT_TRUE(lives_and_quits(**libvirts));
  EXPECT_TRUE(lives_and_quits(**strict));
}

}  // namespace
}  // namespace kvmtsc::integration
