#include "corrections/correction.h"

namespace kvmtsc {

const char* correction_state_name(CorrectionState state) {
  switch (state) {
    case CorrectionState::kQueued:
      return "queued";
    case CorrectionState::kApplying:
      return "applying";
    case CorrectionState::kVerifying:
      return "verifying";
    case CorrectionState::kDone:
      return "done";
  }
  return "";
}

const char* verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kCorrected:
      return "corrected";
    case Verdict::kNotApplied:
      return "not_applied";
    case Verdict::kRolledBack:
      return "rolled_back";
    case Verdict::kUncertain:
      return "uncertain";
  }
  return "";
}

}  // namespace kvmtsc
