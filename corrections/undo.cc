#include "corrections/undo.h"

#include <algorithm>

namespace kvmtsc {

Result<CorrectionGoal> way_back(const PastCorrection& correction,
                                const std::vector<PastCorrection>& later) {
  if (!correction.verdict) {
    return Error{ErrorKind::kConflict, "correction " + correction.id + " is under way",
                 "wait for its verdict"};
  }
  if (!may_have_written(*correction.verdict)) {
    return Error{ErrorKind::kConflict, "correction " + correction.id + " changed nothing", {}};
  }
  for (const PastCorrection& other : later) {
    if (other.key == correction.key && (!other.verdict || may_have_written(*other.verdict))) {
      return Error{ErrorKind::kConflict, "correction " + other.id + " of this VM came later",
                   "undo that one first"};
    }
  }
  RestoreGoal goal;
  for (const PastCorrection::Vcpu& vcpu : correction.vcpus) {
    goal.vcpus.push_back({vcpu.id, vcpu.before});
  }
  return CorrectionGoal{goal};
}

bool still_stands(const PastCorrection& correction, const std::vector<PlannedVcpu>& vcpus) {
  const bool may_be_mixed = correction.verdict == Verdict::kUncertain;
  return std::ranges::equal(
      correction.vcpus, vcpus, [&](const PastCorrection::Vcpu& past, const PlannedVcpu& vcpu) {
        return past.id == vcpu.id &&
               (vcpu.now == past.after || (may_be_mixed && vcpu.now == past.before));
      });
}

}  // namespace kvmtsc
