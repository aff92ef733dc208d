// A real Prometheus scrapes the service, and its query API answers with a real VM's series.
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/debugfs.h"
#include "tests/integration/eventually.h"
#include "tests/integration/exporter.h"
#include "tests/integration/micro_vmm.h"
#include "tests/integration/prometheus_server.h"
#include "tests/integration/requirements.h"

namespace kvmtsc::integration {
namespace {

constexpr Milliseconds kPatience{15000};

// Whether an instant query's answer is one series with that value.
bool is_one_series(const Result<nlohmann::json>& answer, const std::string& value) {
  return answer.ok() && answer->size() == 1 && (*answer)[0]["value"][1] == value;
}

std::string shown(const Result<nlohmann::json>& answer) {
  return answer.ok() ? answer->dump() : answer.error().text();
}

TEST(RealPrometheusTest, AnswersWithTheVmsSeries) {
  REQUIRE_KVM();
  REQUIRE_PROMETHEUS("prometheus");
  const auto debugfs = Debugfs::open();
  if (!debugfs) {
    GTEST_SKIP() << "missing: " << debugfs.error().text();
  }
  const auto vmm = MicroVmm::start({"--ids", "0,3", "--guest", "halt"});
  ASSERT_OK(vmm);
  ExporterOptions options;
  options.flags = {"--path.debugfs=" + (*debugfs)->path()};
  const auto exporter = Exporter::start(options);
  ASSERT_OK(exporter);
  const auto prometheus = PrometheusServer::start((*exporter)->port());
  ASSERT_OK(prometheus);

  const auto query = [&](const std::string& promql) { return (*prometheus)->query(promql); };
  EXPECT_TRUE(
      eventually(kPatience, [&] { return is_one_series(query("up{job=\"kvm-tsc\"}"), "1"); }))
      << "up is " << shown(query("up"));

  const std::string this_vm = "kvm_tsc_vm_info{pid=\"" + std::to_string((*vmm)->pid()) + "\"}";
  const std::string vcpus = "kvm_tsc_vm_vcpus * on(vm) group_left() " + this_vm;
  EXPECT_TRUE(eventually(kPatience, [&] { return is_one_series(query(vcpus), "2"); }))
      << vcpus << " is " << shown(query(vcpus));

  const std::string offsets =
      "count(kvm_tsc_vcpu_offset_ticks * on(vm) group_left() " + this_vm + ")";
  EXPECT_TRUE(is_one_series(query(offsets), "2")) << offsets << " is " << shown(query(offsets));
}

}  // namespace
}  // namespace kvmtsc::integration
