// The service on made-up hosts whose VMs do not hold still, or cannot be listed for a while.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/fakes/temporary_directory.h"
#include "tests/integration/eventually.h"
#include "tests/integration/exporter.h"
#include "tests/integration/requirements.h"

namespace kvmtsc::integration {
namespace {

constexpr std::chrono::seconds kPatience{15};
constexpr const char* kVm = "vm-4194200-12";  // by its directory, for no process is to be found

class Unsteady : public testing::Test {
 protected:
  void SetUp() override {
    host_.write("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n");
    std::filesystem::create_directories(host_.path() + "/proc");
    for (const char* vcpu : {"vcpu0", "vcpu1"}) {
      host_.write(file(vcpu, "guest_mode"), "0\n");
      host_.write(file(vcpu, "pid"), "0\n");
      set(vcpu, 0);
    }
    auto exporter = Exporter::start({.flags = {"--path.debugfs=" + host_.path() + "/debugfs",
                                               "--path.sysfs=" + host_.path() + "/sys",
                                               "--path.procfs=" + host_.path() + "/proc"}});
    ASSERT_OK(exporter);
    exporter_ = std::move(*exporter);
    ASSERT_TRUE(
        eventually(kPatience, [&] { return value("kvm_tsc_vm_skew_spread_seconds") == 0.0; }));
    EXPECT_EQ(value("kvm_tsc_vm_trusted"), 1.0);
  }

  static std::string file(const std::string& vcpu, const std::string& name) {
    return "debugfs/kvm/4194200-12/" + vcpu + "/" + name;
  }
  // In one piece, for the service reads at any moment.
  void set(const std::string& vcpu, std::int64_t offset) {
    host_.write("new", std::to_string(offset) + "\n");
    std::filesystem::rename(host_.path() + "/new", host_.path() + "/" + file(vcpu, "tsc-offset"));
  }
  std::optional<double> value(const std::string& name,
                              std::map<std::string, std::string> labels = {}) const {
    const auto samples = exporter_->metrics();
    labels["vm"] = kVm;
    return samples ? samples->value(name, labels) : std::nullopt;
  }
  nlohmann::json api() const {
    const auto reply = exporter_->get(std::string("/api/v1/vms/") + kVm);
    return reply ? nlohmann::json::parse(reply->body, nullptr, false) : nlohmann::json();
  }

  TemporaryDirectory host_;
  std::unique_ptr<Exporter> exporter_;
};

TEST_F(Unsteady, AnOffsetThatIsAnotherAtEverySweepIsSaidToMove) {
  std::int64_t offset = 0;
  const auto move = [&] {
    set("vcpu1", offset += 1'000'000);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  };
  ASSERT_TRUE(eventually(kPatience, [&] {
    move();
    return value("kvm_tsc_vm_trust_state", {{"state", "changing"}}) == 1.0;
  }));
  const double steps = value("kvm_tsc_vcpu_offset_steps_total", {{"vcpu", "1"}}).value_or(0);
  EXPECT_GT(steps, 0);
  EXPECT_TRUE(eventually(kPatience, [&] {
    move();
    return value("kvm_tsc_vcpu_offset_steps_total", {{"vcpu", "1"}}).value_or(0) > steps + 2;
  }));
  move();
  EXPECT_EQ(value("kvm_tsc_vm_trusted"), 0.0);
  EXPECT_GT(value("kvm_tsc_vm_skew_spread_seconds").value_or(0), 0.0);
  EXPECT_GT(value("kvm_tsc_vm_skew_bound_seconds").value_or(0), 0.0);
  move();
  const auto vm = api();
  EXPECT_EQ(vm.value("trust", ""), "changing") << vm.dump();
  EXPECT_NE(vm.value("trust_reason", "").find("vCPU 1"), std::string::npos) << vm.dump();
  move();
  EXPECT_NE(exporter_->get("/")->body.find("changing"), std::string::npos);
  // It holds still again.
  ASSERT_TRUE(eventually(kPatience, [&] { return value("kvm_tsc_vm_trusted") == 1.0; }));
  EXPECT_EQ(value("kvm_tsc_vm_skew_bound_seconds").value_or(1) <
                value("kvm_tsc_vm_skew_spread_seconds").value_or(0),
            true);
}

TEST_F(Unsteady, WhatCannotBeListedForAWhileKeepsItsSeries) {
  set("vcpu0", 700);
  set("vcpu1", 700);
  ASSERT_TRUE(eventually(kPatience, [&] {
    return value("kvm_tsc_vcpu_offset_steps_total", {{"vcpu", "1"}}) == 1.0;
  }));
  const std::string kvm = host_.path() + "/debugfs/kvm";
  std::filesystem::rename(kvm, host_.path() + "/elsewhere");
  ASSERT_TRUE(
      eventually(kPatience, [&] { return value("kvm_tsc_vm_read_errors_total").value_or(0) > 0; }));
  EXPECT_EQ(value("kvm_tsc_vcpu_offset_steps_total", {{"vcpu", "1"}}), 1.0);
  EXPECT_EQ(value("kvm_tsc_vm_trusted"), std::nullopt);
  EXPECT_NE(api().at("error").value("message", ""), "");
  std::filesystem::rename(host_.path() + "/elsewhere", kvm);
  ASSERT_TRUE(eventually(kPatience, [&] { return value("kvm_tsc_vm_trusted") == 1.0; }));
  EXPECT_EQ(value("kvm_tsc_vcpu_offset_steps_total", {{"vcpu", "1"}}), 1.0);
}

}  // namespace
}  // namespace kvmtsc::integration
