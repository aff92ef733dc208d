// A thousand VMs appear and vanish at once: the service keeps answering, shows each, and forgets
// each.
#include <signal.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>

#include <gtest/gtest.h>

#include "tests/integration/debugfs.h"
#include "tests/integration/eventually.h"
#include "tests/integration/exporter.h"
#include "tests/integration/micro_vmm.h"
#include "tests/integration/requirements.h"

namespace kvmtsc::integration {
namespace {

constexpr Milliseconds kPatience{15000};
constexpr std::size_t kVms = 1000;

std::set<std::string> labels_of(const Samples& samples, pid_t pid) {
  std::set<std::string> labels;
  for (const Sample& info : samples.find("kvm_tsc_vm_info", {{"pid", std::to_string(pid)}})) {
    labels.insert(info.labels.at("vm"));
  }
  return labels;
}

// How many series carry a label of `labels`.
std::size_t series_of(const Samples& samples, const std::set<std::string>& labels) {
  return static_cast<std::size_t>(
      std::count_if(samples.all().begin(), samples.all().end(), [&labels](const Sample& sample) {
        const auto vm = sample.labels.find("vm");
        return vm != sample.labels.end() && labels.contains(vm->second);
      }));
}

TEST(ManyVmsTest, AppearAndVanishAtOnce) {
  REQUIRE_KVM();
  const auto debugfs = Debugfs::open();
  if (!debugfs) {
    GTEST_SKIP() << "missing: " << debugfs.error().text();
  }
  const auto exporter =
      Exporter::start({"sweep:\n  interval: 1s\n", {"--path.debugfs=" + (*debugfs)->path()}});
  ASSERT_OK(exporter);
  const auto before = (*exporter)->metrics();
  ASSERT_OK(before);

  auto vmm = MicroVmm::start({"--vms", std::to_string(kVms), "--vcpus", "1", "--guest", "idle"});
  ASSERT_OK(vmm);
  const pid_t pid = (*vmm)->pid();
  std::set<std::string> labels;
  EXPECT_TRUE(eventually(kPatience,
                         [&] {
                           const auto health = (*exporter)->get("/-/healthy");
                           EXPECT_TRUE(health.ok() && health->status == 200)
                               << "not healthy while VMs appear";
                           const auto samples = (*exporter)->metrics();
                           labels = samples ? labels_of(*samples, pid) : std::set<std::string>{};
                           return labels.size() == kVms;
                         }))
      << labels.size() << " of " << kVms << " VMs have a vm label of their own";

  ASSERT_OK((*vmm)->process().send_signal(SIGKILL));
  ASSERT_OK((*vmm)->process().wait_exit(kPatience));
  std::size_t left = 0;
  EXPECT_TRUE(eventually(kPatience,
                         [&] {
                           const auto health = (*exporter)->get("/-/healthy");
                           EXPECT_TRUE(health.ok() && health->status == 200)
                               << "not healthy while VMs vanish";
                           const auto samples = (*exporter)->metrics();
                           left = samples ? series_of(*samples, labels) : kVms;
                           return left == 0;
                         }))
      << left << " series of VMs that are gone";

  const auto after = (*exporter)->metrics();
  ASSERT_OK(after);
  const auto fds_before = before->value("process_open_fds");
  const auto fds_after = after->value("process_open_fds");
  ASSERT_TRUE(fds_before && fds_after) << "no process_open_fds";
  EXPECT_LE(*fds_after, *fds_before + 20) << "file descriptors of VMs that are gone stay open";
}

}  // namespace
}  // namespace kvmtsc::integration
