#include "corrections/settlement.h"

#include <algorithm>

namespace kvmtsc {

bool was_ignored(const WriteReport& report) {
  return report.outcome == WriteOutcome::kRolledBack &&
         std::ranges::all_of(report.vcpus, [](const VcpuWrite& vcpu) {
           return vcpu.accepted && vcpu.read_back &&
                  (vcpu.applied() || vcpu.read_back == vcpu.before);
         });
}

void settle(Correction& correction, const Result<WriteReport>& report, RealTime now) {
  if (!report) {
    correction.error = report.error();
    finish(correction, Verdict::kNotApplied, now);
    return;
  }
  correction.report = *report;
  correction.error = report->failure;
  correction.facts.read_back_equal = std::ranges::all_of(report->vcpus, &VcpuWrite::applied);
  switch (report->outcome) {
    case WriteOutcome::kApplied:
      correction.written = now;
      correction.state = CorrectionState::kVerifying;
      break;
    case WriteOutcome::kRolledBack:
      finish(correction, was_ignored(*report) ? Verdict::kNotApplied : Verdict::kRolledBack, now);
      break;
    case WriteOutcome::kUncertain:
      correction.written = now;
      finish(correction, Verdict::kUncertain, now);
      break;
  }
}

}  // namespace kvmtsc
