#include "exporter/metrics/families.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "exporter/metrics/exposition.h"

namespace kvmtsc {
namespace {

std::string metrics_of(const Snapshot& snapshot) {
  Families families;
  append_vm_families(snapshot, families);
  append_host_families(snapshot, families);
  append_correction_families(snapshot, families);
  return expose(families, ExpositionFormat::kText);
}

VmState vm_with(std::vector<VcpuReading> vcpus) {
  VmState vm;
  vm.label = "web";
  vm.identity = {"web", "0c7b", "qemu", 4711, 1};
  vm.reading.emplace();
  vm.reading->vcpus = std::move(vcpus);
  for (const VcpuReading& vcpu : vm.reading->vcpus) {
    vm.steps.push_back({vcpu.id, 0});
  }
  return vm;
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(VmFamilies, SecondsAreTicksOverTheGuestsFrequency) {
  auto vm = vm_with({{0, -100, {}, {}}, {1, -100, {}, {}}, {5, 2'999'900, {}, {}}});
  vm.skew = analyse_skew(vm.reading->vcpus, 0, 0);
  vm.frequency = Frequency{3e9, 3};
  vm.steps = {{0, 0}, {1, 0}, {5, 7}};
  Snapshot snapshot;
  snapshot.vms = {vm};
  const auto text = metrics_of(snapshot);
  EXPECT_TRUE(has_line(text, R"(kvm_tsc_vm_info{vm="web",uuid="0c7b",pid="4711",vmm="qemu"} 1)"));
  EXPECT_TRUE(has_line(text, R"(kvm_tsc_vm_vcpus{vm="web"} 3)"));
  EXPECT_TRUE(has_line(text, R"(kvm_tsc_vcpu_skew_seconds{vm="web",vcpu="5"} 0.001)"));
  EXPECT_TRUE(has_line(text, R"(kvm_tsc_vcpu_skew_seconds{vm="web",vcpu="0"} 0)"));
  EXPECT_TRUE(has_line(text, R"(kvm_tsc_vm_skew_spread_seconds{vm="web"} 0.001)"));
  EXPECT_TRUE(has_line(text, R"(kvm_tsc_vcpu_offset_steps_total{vm="web",vcpu="5"} 7)"));
  EXPECT_TRUE(has_line(text, R"(kvm_tsc_vm_frequency_hertz{vm="web"} 3e+09)") ||
              has_line(text, R"(kvm_tsc_vm_frequency_hertz{vm="web"} 3000000000)"))
      << text;
  EXPECT_NE(text.find(R"(kvm_tsc_vm_skew_bound_seconds{vm="web"} 1.0)"), std::string::npos) << text;
}

TEST(VmFamilies, WhatIsUnknownIsAbsent) {
  auto unread = vm_with({});
  unread.reading.reset();
  unread.error = Error{ErrorKind::kInvalid, "garbage", {}};
  unread.read_errors = 4;
  Snapshot snapshot;
  snapshot.vms = {unread};
  const auto text = metrics_of(snapshot);
  EXPECT_TRUE(has_line(text, R"(kvm_tsc_vm_read_errors_total{vm="web"} 4)"));
  for (const char* absent : {"kvm_tsc_vm_vcpus", "kvm_tsc_vm_trusted", "skew", "offset",
                             "kvm_tsc_host_frequency", "kvm_tsc_host_clock"}) {
    EXPECT_EQ(text.find(absent), std::string::npos) << absent << " in\n" << text;
  }
}

TEST(VmFamilies, AnUnconfirmedSkewIsAbsentButTheOffsetIsNot) {
  Snapshot snapshot;
  snapshot.vms = {vm_with({{0, 1, {}, {}}, {1, 2, {}, {}}})};
  const auto text = metrics_of(snapshot);
  EXPECT_TRUE(has_line(text, R"(kvm_tsc_vcpu_offset_ticks{vm="web",vcpu="1"} 2)"));
  EXPECT_EQ(text.find("skew"), std::string::npos);
}

TEST(VmFamilies, DistrustSaysWhy) {
  auto vm = vm_with({{0, 1, {}, Trust::kNested}});
  vm.reading->trust = Trust::kNested;
  Snapshot snapshot;
  snapshot.vms = {vm};
  const auto text = metrics_of(snapshot);
  EXPECT_TRUE(has_line(text, R"(kvm_tsc_vm_trusted{vm="web"} 0)"));
  EXPECT_TRUE(has_line(text, R"(kvm_tsc_vm_trust_state{vm="web",state="nested"} 1)"));
}

// A state that is not there cannot be told from one that does not hold.
TEST(VmFamilies, EveryStateIsThereAndOneOfThemHolds) {
  const auto ones = [](const Snapshot& snapshot, const std::string& name) {
    Families families;
    append_vm_families(snapshot, families);
    const auto family = std::ranges::find(families, name, &prometheus::MetricFamily::name);
    std::pair<std::size_t, double> found{0, 0};
    if (family != families.end()) {
      for (const auto& metric : family->metric) {
        found = {found.first + 1, found.second + metric.gauge.value};
      }
    }
    return found;
  };
  Snapshot snapshot;
  snapshot.vms = {vm_with({{0, 1, {}, {}}})};
  VmState& vm = snapshot.vms[0];
  for (const Trust trust : kAllTrusts) {
    vm.reading->trust = trust;
    EXPECT_EQ(ones(snapshot, "kvm_tsc_vm_trust_state"), std::pair(kAllTrusts.size() + 1, 1.0));
  }
  EXPECT_EQ(ones(snapshot, "kvm_tsc_vm_clock_error").first, 0u) << "nobody reads it";
  vm.clock_wanted = true;
  EXPECT_EQ(ones(snapshot, "kvm_tsc_vm_clock_error"), std::pair(kAllErrorKinds.size(), 0.0));
  vm.clock_error = Error{ErrorKind::kPermission, "may not", {}};
  EXPECT_EQ(ones(snapshot, "kvm_tsc_vm_clock_error"), std::pair(kAllErrorKinds.size(), 1.0));
  EXPECT_TRUE(
      has_line(metrics_of(snapshot), R"(kvm_tsc_vm_clock_error{vm="web",kind="permission"} 1)"));
  vm.reading.reset();
  EXPECT_EQ(ones(snapshot, "kvm_tsc_vm_trust_state"), std::pair(kAllTrusts.size() + 1, 1.0));
  EXPECT_TRUE(
      has_line(metrics_of(snapshot), R"(kvm_tsc_vm_trust_state{vm="web",state="unreadable"} 1)"));
}

// increase() sees nothing of a series that begins at 1.
TEST(VmFamilies, EveryCounterOfAVmBeginsAtZeroAndGoesWithIt) {
  const auto counters = [](const Snapshot& snapshot) {
    Families families;
    append_vm_families(snapshot, families);
    append_correction_families(snapshot, families);
    std::map<std::string, double> sums;  // by family, of those with a `vm` label
    for (const auto& family : families) {
      for (const auto& metric : family.metric) {
        if (family.type == prometheus::MetricType::Counter && !metric.label.empty() &&
            metric.label.front().name == "vm") {
          sums[family.name + " " + metric.label.front().value] += metric.counter.value;
        }
      }
    }
    return sums;
  };
  Snapshot snapshot;
  snapshot.corrections.emplace();
  EXPECT_EQ(counters(snapshot), (std::map<std::string, double>{}));
  snapshot.vms = {vm_with({{0, 1, {}, {}}}), vm_with({})};
  snapshot.vms[1].label = "unread";
  snapshot.vms[1].reading.reset();
  snapshot.vms[1].steps = {{0, 0}};
  for (VmState& vm : snapshot.vms) {
    vm.clock_wanted = true;
  }
  std::map<std::string, double> zeros;
  for (const char* name : {"kvm_tsc_vm_read_errors_total", "kvm_tsc_vcpu_offset_steps_total",
                           "kvm_tsc_vm_clock_read_errors_total", "kvm_tsc_corrections_total",
                           "kvm_tsc_corrections_failed_total"}) {
    zeros[name + std::string(" web")] = zeros[name + std::string(" unread")] = 0;
  }
  EXPECT_EQ(counters(snapshot), zeros);
  snapshot.corrections->vms["web"].rolled_back = 1;
  zeros["kvm_tsc_corrections_total web"] = zeros["kvm_tsc_corrections_failed_total web"] = 1;
  EXPECT_EQ(counters(snapshot), zeros);
  snapshot.vms.clear();
  EXPECT_EQ(counters(snapshot), (std::map<std::string, double>{}));
}

TEST(HostFamilies, AFailedCollectorIsSeen) {
  Snapshot snapshot;
  snapshot.collectors = {{"debugfs", false, std::chrono::milliseconds(2), Error{}},
                         {"host_clock", true, std::chrono::microseconds(10), {}}};
  snapshot.taken_real = {std::chrono::seconds(1'790'000'000)};
  const auto text = metrics_of(snapshot);
  EXPECT_TRUE(has_line(text, R"(kvm_tsc_collector_success{collector="debugfs"} 0)"));
  EXPECT_TRUE(has_line(text, R"(kvm_tsc_collector_success{collector="host_clock"} 1)"));
  EXPECT_TRUE(has_line(text, R"(kvm_tsc_collector_duration_seconds{collector="debugfs"} 0.002)"));
  EXPECT_TRUE(has_line(text, "kvm_tsc_last_sweep_timestamp_seconds 1.79e+09") ||
              has_line(text, "kvm_tsc_last_sweep_timestamp_seconds 1790000000"));
}

}  // namespace
}  // namespace kvmtsc
