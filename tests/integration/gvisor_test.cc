// A real gVisor sandbox on KVM: a VM with several vCPUs whose process calls itself "exe" and is
// named by its container, read like any other. Its clock is read where the filters that it has by
// then allow it, refused where they do not, and either way the sandbox goes on.
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
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

// Every thread is there to be run: none is stopped, none has a tracer.
bool is_free(pid_t pid) {
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  const auto threads = list_directory(tasks);
  if (!threads) {
    return false;
  }
  for (const std::string& thread : *threads) {
    const auto status = read_file(tasks + "/" + thread + "/status", 8192);
    if (status && (status->find("TracerPid:\t0\n") == std::string::npos ||
                   status->find("State:\tT") != std::string::npos ||
                   status->find("State:\tt") != std::string::npos)) {
      return false;
    }
  }
  return true;
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

  nlohmann::json vm;
  ASSERT_TRUE(eventually(kPatience,
                         [&] {
                           const auto reply =
                               (*exporter)->get("/api/v1/vms/" + std::string(kContainer));
                           vm = reply && reply->status == 200 ? nlohmann::json::parse(reply->body)
                                                              : nlohmann::json::object();
                           return vm.value("seccomp", nlohmann::json()).is_object();
                         }))
      << "runsc: " << (*runsc)->error_output();
  const auto samples = (*exporter)->metrics();
  ASSERT_OK(samples);
  const auto sandbox = pid_of(*samples);
  ASSERT_TRUE(sandbox);
  EXPECT_GT(samples->value("kvm_tsc_vm_vcpus", {{"vm", kContainer}}), 1);
  EXPECT_TRUE(samples->value("kvm_tsc_vcpu_offset_ticks", {{"vm", kContainer}, {"vcpu", "0"}}));
  const std::string verdict = vm["seccomp"]["clock"]["verdict"];
  if (verdict == "denied" || verdict == "unknown") {
    EXPECT_EQ(samples->value("kvm_tsc_vm_clock_error", {{"vm", kContainer}, {"kind", "refused"}}),
              1);
    EXPECT_EQ(samples->value("kvm_tsc_clock_read_hold_seconds_count"), 0);
  } else {
    EXPECT_TRUE(eventually(kPatience, [&] {
      const auto later = (*exporter)->metrics();
      return later && later->value("kvm_tsc_vm_master_clock", {{"vm", kContainer}}).has_value();
    })) << vm;
  }
  EXPECT_TRUE(eventually(kPatience, [&] { return is_free(*sandbox); }))
      << "a thread of the sandbox stands, or it has died; its filters: " << vm["seccomp"];
  EXPECT_EQ(::kill(*sandbox, SIGKILL), 0);
}

}  // namespace
}  // namespace kvmtsc::integration
