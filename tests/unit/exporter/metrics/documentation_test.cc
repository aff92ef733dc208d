// docs/metrics.md describes every family the service can export, with its type and its labels, and
// none besides. A family's entry begins "### `NAME`", an empty line, "Type TYPE; labels `A`, `B`; "
// or "Type TYPE; no labels; ".
#include <filesystem>
#include <map>
#include <regex>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "exporter/metrics/families.h"
#include "exporter/metrics/process_families.h"
#include "exporter/metrics/service_families.h"

namespace kvmtsc {
namespace {

constexpr std::size_t kMaxFile = std::size_t{1} << 20;

// The beginning of each family's entry in docs/metrics.md, by the family's name.
using Entries = std::map<std::string, std::string>;

std::string source_file(const std::string& path) {
  const auto content = read_file(KVM_TSC_SOURCE_DIR "/" + path, kMaxFile);
  EXPECT_TRUE(content) << path;
  return content ? *content : "";
}

Entries documented() {
  const std::string page = source_file("docs/metrics.md");
  static const std::regex entry("\n### `([^`]*)`\n\n(Type [a-z]+; [^;]*; )");
  Entries entries;
  for (std::sregex_iterator found(page.begin(), page.end(), entry), end; found != end; ++found) {
    EXPECT_TRUE(entries.emplace((*found)[1], (*found)[2]).second) << (*found)[1] << " twice";
  }
  return entries;
}

// Nothing in it is unknown, so that it gives a sample of every family.
Snapshot full_snapshot() {
  VmState vm;
  vm.reading.emplace().vcpus = {{0, 1, {}, Trust::kTrusted}};
  vm.steps = {{0, 0}};
  vm.tsc_khz = 3'000'000;
  vm.skew = analyse_skew(vm.reading->vcpus, 0, 0);
  vm.frequency = Frequency{3e9, 1};
  vm.clock = ClockTriple{};
  vm.divergence = Divergence{};
  vm.clock_error = Error{};
  vm.clock_wanted = true;
  Snapshot snapshot;
  snapshot.holds = Snapshot::Holds{};
  snapshot.host.clocksource = "tsc";
  snapshot.host.tsc_frequency = Frequency{3e9, 1};
  snapshot.host.synchronized = true;
  snapshot.host.realtime_bound = Nanoseconds(1);
  snapshot.vms = {vm};
  snapshot.collectors = {{"debugfs", true, Nanoseconds(1), {}}};
  snapshot.corrections.emplace();
  return snapshot;
}

std::string entry_of(const prometheus::MetricFamily& family) {
  std::string labels;
  for (const auto& label : family.metric.front().label) {
    labels += (labels.empty() ? "labels `" : ", `") + label.name + "`";
  }
  const char* type = family.type == prometheus::MetricType::Counter     ? "counter"
                     : family.type == prometheus::MetricType::Histogram ? "histogram"
                                                                        : "gauge";
  return std::string("Type ") + type + "; " + (labels.empty() ? "no labels" : labels) + "; ";
}

Entries exported() {
  Families families;
  append_vm_families(full_snapshot(), families);
  append_host_families(full_snapshot(), families);
  append_correction_families(full_snapshot(), families);
  ServiceFacts facts;
  facts.certificate_not_after = RealTime{};
  facts.audit_writable = true;
  append_service_families(facts, families);
  append_build_info(build_info(), families);
  ProcessFamilies(system_clock()).append_to(families);
  Entries entries;
  for (const auto& family : families) {
    entries.emplace(family.name, entry_of(family));
  }
  return entries;
}

TEST(MetricsReference, DescribesWhatIsExportedAndNothingElse) {
  EXPECT_THAT(documented(), testing::ContainerEq(exported()));
}

// The test above sees only what full_snapshot() gives; this one sees that it gives all there is.
TEST(MetricsReference, MissesNoNameInTheSources) {
  static const std::regex literal("\"((kvm_tsc|process)_[a-z0-9_]+)\"");
  std::set<std::string> names;
  for (const auto& file :
       std::filesystem::directory_iterator(KVM_TSC_SOURCE_DIR "/exporter/metrics")) {
    if (file.path().extension() != ".cc") {
      continue;
    }
    const std::string source = source_file("exporter/metrics/" + file.path().filename().string());
    for (std::sregex_iterator found(source.begin(), source.end(), literal), end; found != end;
         ++found) {
      names.insert((*found)[1]);
    }
  }
  std::set<std::string> known;
  for (const auto& [name, entry] : exported()) {
    known.insert(name);
  }
  EXPECT_EQ(names, known);
}

}  // namespace
}  // namespace kvmtsc
