#include <array>
#include <cstdint>
#include <utility>

#include "exporter/metrics/families.h"
#include "exporter/metrics/family.h"

namespace kvmtsc {

void append_correction_families(const Snapshot& snapshot, Families& families) {
  if (!snapshot.corrections) {
    return;
  }
  const CorrectionCounts& counts = *snapshot.corrections;
  auto total = counter("kvm_tsc_corrections_total", "Corrections that have a verdict, by verdict.");
  auto failed = counter("kvm_tsc_corrections_failed_total",
                        "Corrections whose verdict is another than corrected.");
  // From the first sweep on, or the first failure would be no increase.
  for (const VmState& vm : snapshot.vms) {
    const auto known = counts.vms.find(vm.label);
    const auto of_vm = known == counts.vms.end() ? CorrectionCounts::OfVm{} : known->second;
    const std::array<std::pair<const char*, std::uint64_t>, 4> by_verdict{
        {{"corrected", of_vm.corrected},
         {"not_applied", of_vm.not_applied},
         {"rolled_back", of_vm.rolled_back},
         {"uncertain", of_vm.uncertain}}};
    for (const auto& [verdict, count] : by_verdict) {
      total.add({{"vm", vm.label}, {"verdict", verdict}}, static_cast<double>(count));
    }
    failed.add({{"vm", vm.label}}, static_cast<double>(of_vm.failed()));
  }
  total.append_to(families);
  failed.append_to(families);
  auto refused =
      counter("kvm_tsc_corrections_refused_total", "Corrections that were asked for and refused.");
  refused.add({}, static_cast<double>(counts.refused));
  refused.append_to(families);
  auto interrupted = counter("kvm_tsc_corrections_interrupted_total",
                             "Corrections that were found half done when the service started.");
  interrupted.add({}, static_cast<double>(counts.interrupted));
  interrupted.append_to(families);
}

}  // namespace kvmtsc
