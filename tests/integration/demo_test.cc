// The demo beside a real QEMU: it touches nobody's VM unless it is told to, and its token, which
// anybody may read in the log, changes simulated VMs only.
#include <signal.h>

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

using testing::HasSubstr;

constexpr Milliseconds kPatience{15000};
constexpr const char* kConfig = "sweep:\n  interval: 200ms\n";

// The token that the demo prints.
std::string token_of(Exporter& demo) {
  constexpr std::string_view kKey = "KVM_TSC_TOKEN=";
  for (auto line = demo.process().read_line(kPatience); line;
       line = demo.process().read_line(kPatience)) {
    if (const auto at = line->find(kKey); at != std::string::npos) {
      return line->substr(at + kKey.size());
    }
  }
  return "";
}

class DemoTest : public testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_KVM();
    REQUIRE_ROOT();
    REQUIRE_PROGRAM("qemu-system-x86_64");
    auto debugfs = Debugfs::open();
    if (!debugfs) {
      GTEST_SKIP() << "missing: " << debugfs.error().text();
    }
    debugfs_ = *std::move(debugfs);
    auto qemu = Qemu::start({"kvm-tsc-test-demo", "5d0e9a44-3a0b-4f7e-b0ce-1d1f8a2b7c66", 2});
    ASSERT_OK(qemu);
    qemu_ = *std::move(qemu);
  }

  void start(std::vector<std::string> flags) {
    ExporterOptions options;
    options.config = kConfig;
    options.flags = {"--demo", "--path.debugfs=" + debugfs_->path()};
    options.flags.insert(options.flags.end(), flags.begin(), flags.end());
    auto demo = Exporter::start(options);
    ASSERT_OK(demo);
    demo_ = *std::move(demo);
    // Real VMs come first in a sweep: once a simulated VM's clock was read beside one that was
    // read, whoever is attached to has been.
    ASSERT_TRUE(eventually(kPatience, [&] {
      const auto samples = demo_->metrics();
      vm_ = samples ? vm_label_of(*samples, qemu_->pid()).value_or("") : "";
      return !vm_.empty() &&
             samples->value("kvm_tsc_vm_master_clock", {{"vm", "sim-healthy-1"}}).has_value();
    }));
  }

  std::unique_ptr<Debugfs> debugfs_;
  std::unique_ptr<Qemu> qemu_;
  std::unique_ptr<Exporter> demo_;
  std::string vm_;
};

TEST_F(DemoTest, RealVmsAreNotAttachedToUnlessThatIsAskedFor) {
  for (const std::vector<std::string>& flags :
       {std::vector<std::string>{}, {"--attach.mode=off"}}) {
    start(flags);
    const auto samples = demo_->metrics();
    ASSERT_OK(samples);
    EXPECT_EQ(samples->value("kvm_tsc_vm_trusted", {{"vm", vm_}}).has_value(), true);
    EXPECT_FALSE(samples->value("kvm_tsc_vm_master_clock", {{"vm", vm_}}));
    EXPECT_EQ(samples->value("kvm_tsc_vm_clock_read_errors_total", {{"vm", vm_}}).value_or(0), 0);
    EXPECT_FALSE(samples->value("kvm_tsc_vm_clock_error", {{"vm", vm_}}));
    demo_.reset();
  }
}

TEST_F(DemoTest, RealVmsAreAttachedToWhereThatIsAskedFor) {
  start({"--attach.mode=clock", "--attach.clock-interval=1s"});
  EXPECT_TRUE(eventually(kPatience, [&] {
    const auto samples = demo_->metrics();
    return samples && samples->value("kvm_tsc_vm_master_clock", {{"vm", vm_}}).has_value();
  }));
}

TEST_F(DemoTest, ItsTokenCorrectsSimulatedVmsOnly) {
  const TemporaryDirectory directory;
  start({"--attach.mode=correct", "--correction.enabled",
         "--audit.path=" + directory.path() + "/audit.db"});
  const fakes::Headers headers{{"Authorization", "Bearer " + token_of(*demo_)},
                               {"Content-Type", "application/json"}};
  const auto plan = [&](const std::string& vm) {
    return fakes::http_request("127.0.0.1:" + std::to_string(demo_->port()), "POST",
                               "/api/v1/vms/" + vm + "/plans", headers, R"({"goal":"align"})");
  };
  const auto simulated = plan("sim-skewed");
  ASSERT_TRUE(simulated);
  EXPECT_EQ(simulated->status, 201) << simulated->body;
  const auto real = plan(vm_);
  ASSERT_TRUE(real);
  EXPECT_EQ(real->status, 403) << real->body;
  EXPECT_THAT(real->body, HasSubstr("token:demo may not act on " + vm_));
}

TEST(DemoReloadTest, TakesUpTheWebConfigurationAndKeepsItsToken) {
  const TemporaryDirectory directory;
  directory.write("debugfs/kvm/vm_count", "0\n");
  const std::string web = directory.write("web.yml", "kvm_tsc:\n  require_auth: false\n");
  ExporterOptions options;
  options.flags = {"--demo", "--path.debugfs=" + directory.path() + "/debugfs",
                   "--web.config.file=" + web};
  const auto demo = Exporter::start(options);
  ASSERT_OK(demo);
  const std::string token = "Bearer " + token_of(**demo);
  EXPECT_EQ((*demo)->get("/")->status, 200);

  directory.write("web.yml", "kvm_tsc:\n  require_auth: true\n");
  ASSERT_OK((*demo)->process().send_signal(SIGHUP));
  EXPECT_TRUE(eventually(kPatience, [&] { return (*demo)->get("/")->status == 401; }));
  EXPECT_EQ((*demo)->get("/", {{"Authorization", token}})->status, 200);
}

TEST(DemoReloadTest, SaysWhatOfTheWebConfigurationTakesARestart) {
  const TemporaryDirectory directory;
  const std::string web =
      directory.write("web.yml", "http_server_config:\n  headers:\n    X-XSS-Protection: 0\n");
  ExporterOptions options;
  options.flags = {"--web.config.file=" + web};
  const auto exporter = Exporter::start(options);
  ASSERT_OK(exporter);
  EXPECT_EQ((*exporter)->post("/-/reload")->body, "configuration reloaded\n");
  directory.write("web.yml", "http_server_config:\n  headers:\n    X-XSS-Protection: 1\n");
  EXPECT_THAT((*exporter)->post("/-/reload")->body,
              HasSubstr("need a restart: http_server_config.headers"));
}

TEST(DemoCheckTest, EverySettingThatIsNotAsItSaysIsNamed) {
  const auto checked = run_program(
      {product_program("kvm-tsc-exporter"), "--demo", "--config.check", "--attach.suspend-seccomp"},
      "", kPatience);
  ASSERT_OK(checked);
  EXPECT_EQ(checked->status.code, 0);
  EXPECT_EQ(checked->output,
            "configuration is valid\n"
            "attach.suspend_seccomp: not used, for attach.mode is off\n"
            "correction.enabled: true for simulated VMs, for this is the demo\n"
            "audit.path: the demo's audit is in memory, for no path was set\n");
}

TEST(DemoCheckTest, TheFirstLinesOfTheLogNameThemToo) {
  const TemporaryDirectory directory;
  directory.write("debugfs/kvm/vm_count", "0\n");
  ExporterOptions options;
  options.flags = {"--demo", "--path.debugfs=" + directory.path() + "/debugfs"};
  const auto demo = Exporter::start(options);
  ASSERT_OK(demo);
  EXPECT_THAT((*demo)->process().error_output(), HasSubstr("key=\"audit.path\""));
}

}  // namespace
}  // namespace kvmtsc::integration
