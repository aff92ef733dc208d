// VMs that nobody may stop: with attach.exclude neither a clock reading nor a correction attaches
// to a real QEMU, the reason is shown wherever the clock or the correction would be, and a reload
// takes it up both ways.
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/temporary_directory.h"
#include "tests/integration/debugfs.h"
#include "tests/integration/eventually.h"
#include "tests/integration/exporter.h"
#include "tests/integration/paths.h"
#include "tests/integration/qemu.h"
#include "tests/integration/requirements.h"

namespace kvmtsc::integration {
namespace {

using testing::HasSubstr;

constexpr Milliseconds kPatience{15000};
constexpr const char* kUuid = "5b0c8e2a-6c0f-4f57-9d0b-2f4f6f6f7a11";

std::string with_rules(const std::string& rules) {
  return "sweep:\n  interval: 200ms\nattach:\n  mode: correct\n  clock_interval: 1s\n" + rules +
         "correction:\n  enabled: true\n";
}

class ExcludedTest : public testing::Test {
 protected:
  // What kvm-tsc prints, on both streams.
  std::string kvm_tsc(std::vector<std::string> words) {
    std::vector<std::string> command{product_program("kvm-tsc"), "--server=" + socket_,
                                     "--color=never"};
    command.insert(command.end(), words.begin(), words.end());
    const auto process = Process::start(command);
    if (!process) {
      ADD_FAILURE() << process.error().text();
      return "";
    }
    std::string said;
    for (auto line = (*process)->read_line(kPatience); line;
         line = (*process)->read_line(kPatience)) {
      said += *line + "\n";
    }
    // Waits for the end of stderr, which has no such line.
    static_cast<void>((*process)->find_error_line("\x01", kPatience));
    return said + (*process)->error_output();
  }

  void reload(const std::string& rules) {
    exporter_->rewrite_config(with_rules(rules));
    const auto reply = exporter_->post("/-/reload");
    ASSERT_OK(reply);
    EXPECT_THAT(reply->body, testing::Not(HasSubstr("restart")));
  }

  double holds() {
    const auto samples = exporter_->metrics();
    return samples ? samples->value("kvm_tsc_clock_read_hold_seconds_count").value_or(-1) +
                         samples->value("kvm_tsc_vcpu_pause_seconds_count").value_or(-1)
                   : -1;
  }

  std::optional<double> is_excluded() {
    const auto samples = exporter_->metrics();
    return samples ? samples->value("kvm_tsc_vm_clock_error", {{"vm", vm_}, {"kind", "excluded"}})
                   : std::nullopt;
  }

  TemporaryDirectory directory_;
  std::string socket_ = "unix:" + directory_.path() + "/socket";
  std::string vm_ = "kvm-tsc-test-db-1";
  std::unique_ptr<Exporter> exporter_;
};

TEST_F(ExcludedTest, NobodyStopsItAndEverybodyIsToldWhy) {
  REQUIRE_KVM();
  REQUIRE_ROOT();
  REQUIRE_PROGRAM("qemu-system-x86_64");
  const auto debugfs = Debugfs::open();
  if (!debugfs) {
    GTEST_SKIP() << "missing: " << debugfs.error().text();
  }
  const auto qemu = Qemu::start({vm_, kUuid, 2});
  ASSERT_OK(qemu);
  // Others' VMs on this host are no matter of this test.
  const std::string include =
      "  include:\n    - {match: uuid, pattern: '^" + std::string(kUuid) + "$'}\n";
  ExporterOptions options;
  options.config =
      with_rules("  exclude:\n    - {match: name, pattern: '^kvm-tsc-test-db-'}\n" + include);
  options.flags = {"--path.debugfs=" + (*debugfs)->path(), "--web.listen-address=" + socket_,
                   "--audit.path=" + directory_.path() + "/audit.db"};
  auto exporter = Exporter::start(options);
  ASSERT_OK(exporter);
  exporter_ = *std::move(exporter);

  ASSERT_TRUE(eventually(kPatience, [&] { return is_excluded() == 1; }));
  const std::string why = "attach.exclude[0] matches its name";
  EXPECT_THAT(kvm_tsc({"show", vm_}), HasSubstr(why));
  EXPECT_THAT(kvm_tsc({"vms"}), HasSubstr("excluded"));
  EXPECT_THAT(kvm_tsc({"doctor", "--path.debugfs=" + (*debugfs)->path()}), HasSubstr(vm_));
  EXPECT_THAT(kvm_tsc({"plan", vm_, "--shift", "1000"}), HasSubstr(why));
  const std::string correction =
      kvm_tsc({"correct", vm_, "--shift", "1000", "--reason", "test", "--yes"});
  EXPECT_THAT(correction, HasSubstr(why));
  // Long enough for several clock readings, had they been due.
  std::this_thread::sleep_for(Milliseconds(2500));
  EXPECT_EQ(holds(), 0) << "a thread of a VM was held";
  const auto samples = exporter_->metrics();
  ASSERT_OK(samples);
  EXPECT_EQ(samples->value("kvm_tsc_vm_clock_read_errors_total", {{"vm", vm_}}), 0);

  reload(include);
  EXPECT_TRUE(eventually(kPatience, [&] { return is_excluded() == 0 && holds() > 0; }));
  reload("  include:\n    - {match: cgroup, pattern: '/no such place/'}\n");
  EXPECT_TRUE(eventually(kPatience, [&] { return is_excluded() == 1; }));
  const double then = holds();
  std::this_thread::sleep_for(Milliseconds(1500));
  EXPECT_EQ(holds(), then);

  EXPECT_TRUE((*qemu)->qmp("quit"));
  const auto status = (*qemu)->process().wait_exit(kPatience);
  ASSERT_OK(status);
  EXPECT_EQ(status->code, 0);
}

}  // namespace
}  // namespace kvmtsc::integration
