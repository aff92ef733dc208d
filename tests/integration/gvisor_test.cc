// A real gVisor sandbox on KVM: a VM with several vCPUs whose process calls itself "exe" and is
// named by its container, read like any other. A clock reading that its seccomp filter would not
// survive is refused, and the sandbox lives on.
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/temporary_directory.h"
#include "tests/integration/debugfs.h"
#include "tests/integration/eventually.h"
#include "tests/integration/exporter.h"
#include "tests/integration/exposition.h"
#include "tests/integration/paths.h"
#include "tests/integration/process.h"
#include "tests/integration/requirements.h"

namespace kvmtsc::integration {
namespace {

constexpr Milliseconds kPatience{20000};
constexpr const char* kContainer = "kvm-tsc-test-sandbox-1";

// Sleeps; its program is the host's busybox, which is static.
constexpr const char* kSpec = R"({"ociVersion": "1.0.0",
  "process": {"user": {"uid": 0, "gid": 0}, "args": ["/sleep", "600"], "env": ["PATH=/"], "cwd": "/"},
  "root": {"path": "rootfs", "readonly": true}, "hostname": "sandbox",
  "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
  "linux": {"namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"},
                           {"type": "network"}]}})";

std::optional<pid_t> pid_of(const Samples& samples) {
  for (const Sample& sample :
       samples.find("kvm_tsc_vm_info", {{"vm", kContainer}, {"vmm", "gvisor"}})) {
    if (const std::string& pid = sample.labels.at("pid"); !pid.empty()) {
      return static_cast<pid_t>(std::stoi(pid));
    }
  }
  return std::nullopt;
}

TEST(GvisorTest, ASandboxIsNamedReadAndLeftAlone) {
  REQUIRE_KVM();
  REQUIRE_ROOT();
  REQUIRE_PROGRAM("runsc");
  REQUIRE_PROGRAM("busybox");
  const auto debugfs = Debugfs::open();
  if (!debugfs) {
    GTEST_SKIP() << "missing: " << debugfs.error().text();
  }
  TemporaryDirectory directory;
  std::filesystem::create_directories(directory.path() + "/bundle/rootfs");
  directory.write("bundle/config.json", kSpec);
  std::filesystem::copy_file(find_in_path("busybox"), directory.path() + "/bundle/rootfs/sleep");
  const auto runsc = Process::start({"runsc", "--root=" + directory.path() + "/root",
                                     "--platform=kvm", "--network=none", "--ignore-cgroups", "run",
                                     "-bundle", directory.path() + "/bundle", kContainer});
  ASSERT_OK(runsc);
  ExporterOptions options;
  // Others' VMs on this host are no matter of this test.
  options.config =
      "sweep:\n  interval: 200ms\nattach:\n  mode: clock\n  clock_interval: 1s\n  include:\n    - "
      "{match: "
      "name, pattern: '^" +
      std::string(kContainer) + "$'}\n";
  options.flags = {"--path.debugfs=" + (*debugfs)->path()};
  const auto exporter = Exporter::start(options);
  ASSERT_OK(exporter);

  std::optional<pid_t> sandbox;
  ASSERT_TRUE(eventually(kPatience,
                         [&] {
                           const auto samples = (*exporter)->metrics();
                           sandbox = samples ? pid_of(*samples) : std::nullopt;
                           return sandbox && samples->value("kvm_tsc_vm_clock_read_errors_total",
                                                            {{"vm", kContainer}})
                                                     .value_or(0) > 0;
                         }))
      << "runsc: " << (*runsc)->error_output();
  const auto samples = (*exporter)->metrics();
  ASSERT_OK(samples);
  EXPECT_GT(samples->value("kvm_tsc_vm_vcpus", {{"vm", kContainer}}), 1);
  EXPECT_TRUE(samples->value("kvm_tsc_vcpu_offset_ticks", {{"vm", kContainer}, {"vcpu", "0"}}));
  EXPECT_EQ(samples->value("kvm_tsc_vm_clock_error", {{"vm", kContainer}, {"kind", "refused"}}), 1);
  EXPECT_EQ(samples->value("kvm_tsc_clock_read_hold_seconds_count"), 0);
  EXPECT_EQ(::kill(*sandbox, 0), 0) << "the sandbox has died";
  EXPECT_EQ(::kill(*sandbox, SIGKILL), 0);
}

}  // namespace
}  // namespace kvmtsc::integration
