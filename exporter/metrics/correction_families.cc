#include "exporter/metrics/families.h"
#include "exporter/metrics/family.h"

namespace kvmtsc {

void append_correction_families(const CorrectionCounts& counts, Families& families) {
  auto total = counter("kvm_tsc_corrections_total", "Corrections that have a verdict.");
  auto failed = counter("kvm_tsc_corrections_failed_total",
                        "Corrections whose verdict is another than corrected.");
  for (const auto& [vm, of_vm] : counts.vms) {
    total.add({{"vm", vm}}, static_cast<double>(of_vm.finished));
    failed.add({{"vm", vm}}, static_cast<double>(of_vm.failed));
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

void append_audit(bool writable, Families& families) {
  auto family = gauge("kvm_tsc_audit_writable",
                      "1 if the audit could be written when it was last tried, 0 if not; then "
                      "corrections are refused. Tried every 15 s.");
  family.add({}, writable ? 1 : 0);
  family.append_to(families);
}

}  // namespace kvmtsc
