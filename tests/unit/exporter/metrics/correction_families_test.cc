#include <map>
#include <string>

#include <gtest/gtest.h>

#include "exporter/metrics/families.h"

namespace kvmtsc {
namespace {

TEST(CorrectionFamilies, EveryVerdictIsThereFromTheFirstSampleOn) {
  Snapshot snapshot;
  snapshot.vms.resize(2);
  snapshot.vms[0].label = "web";
  snapshot.vms[1].label = "mail";  // never corrected
  CorrectionCounts& counts = snapshot.corrections.emplace();
  counts.vms["web"].rolled_back = 2;
  counts.vms["web"].corrected = 1;
  counts.vms["gone"].corrected = 1;
  Families families;
  append_correction_families(snapshot, families);
  std::map<std::string, double> samples;
  for (const auto& family : families) {
    for (const auto& metric : family.metric) {
      std::string name = family.name;
      for (const auto& label : metric.label) {
        name += " " + label.value;
      }
      samples[name] = metric.counter.value;
    }
  }
  const std::string total = "kvm_tsc_corrections_total ";
  const std::string failed = "kvm_tsc_corrections_failed_total ";
  const std::map<std::string, double> expected{{total + "web corrected", 1},
                                               {total + "web not_applied", 0},
                                               {total + "web rolled_back", 2},
                                               {total + "web uncertain", 0},
                                               {total + "mail corrected", 0},
                                               {total + "mail not_applied", 0},
                                               {total + "mail rolled_back", 0},
                                               {total + "mail uncertain", 0},
                                               {failed + "web", 2},
                                               {failed + "mail", 0},
                                               {"kvm_tsc_corrections_refused_total", 0},
                                               {"kvm_tsc_corrections_interrupted_total", 0}};
  EXPECT_EQ(samples, expected);
}

}  // namespace
}  // namespace kvmtsc
