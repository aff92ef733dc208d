#include "corrections/correction.h"

#include <random>
#include <string_view>

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

bool may_have_written(Verdict verdict) {
  return verdict == Verdict::kCorrected || verdict == Verdict::kUncertain;
}

std::string random_id(const char* prefix) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::random_device random;
  std::string id = prefix;
  for (int i = 0; i < 16; ++i) {
    id += kDigits[random() % kDigits.size()];
  }
  return id;
}

void finish(Correction& correction, Verdict verdict, RealTime now) {
  correction.state = CorrectionState::kDone;
  correction.verdict = verdict;
  correction.finished = now;
}

}  // namespace kvmtsc
