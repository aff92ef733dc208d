#include "corrections/undo.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

namespace kvmtsc {

namespace {

using Stack = std::vector<const PastCorrection*>;

// Whether it lies on the stack or takes its top away; what wrote nothing does neither.
void stack_up(const PastCorrection& next, Stack& stack) {
  if (next.verdict && !may_have_written(*next.verdict)) {
    return;
  }
  const bool takes_away =
      !stack.empty() && next.verdict == Verdict::kCorrected && next.undo_of == stack.back()->id;
  if (takes_away) {
    stack.pop_back();
  } else {
    stack.push_back(&next);
  }
}

Error conflict(const std::string& message, const std::string& remedy) {
  return Error{ErrorKind::kConflict, message, remedy};
}

// What lies on `correction`, or took it away; nothing while it is the top of its VM's stack.
std::optional<Error> obstacle(const PastCorrection& correction,
                              const std::vector<PastCorrection>& later) {
  Stack stack{&correction};
  const PastCorrection* taken_by = nullptr;
  for (const PastCorrection& next : later) {
    if (next.key == correction.key) {
      stack_up(next, stack);
      taken_by = stack.empty() ? &next : taken_by;
    }
  }
  if (stack.empty()) {
    return conflict("correction " + correction.id + " was taken back by " + taken_by->id,
                    "to bring it about again, undo " + taken_by->id);
  }
  const PastCorrection& top = *stack.back();
  if (&top == &correction) {
    return std::nullopt;
  }
  return top.verdict
             ? conflict("correction " + top.id + " of this VM came later", "undo that one first")
             : conflict("correction " + top.id + " of this VM came later and is under way",
                        "wait for its verdict");
}

}  // namespace

std::set<std::string> standing(std::span<const PastCorrection> history) {
  std::map<VmKey, Stack> stacks;
  for (const PastCorrection& next : history) {
    stack_up(next, stacks[next.key]);
  }
  std::set<std::string> ids;
  for (const auto& [key, stack] : stacks) {
    for (const PastCorrection* correction : stack) {
      ids.insert(correction->id);
    }
  }
  return ids;
}

const std::set<Objection>& allowed_to_undo() {
  static const std::set<Objection> allowed{Objection::kLargeStep, Objection::kWithinBound,
                                           Objection::kUntrusted, Objection::kUnequalRatios};
  return allowed;
}

Result<CorrectionGoal> way_back(const PastCorrection& correction,
                                const std::vector<PastCorrection>& later) {
  if (!correction.verdict) {
    return conflict("correction " + correction.id + " is under way", "wait for its verdict");
  }
  if (!may_have_written(*correction.verdict)) {
    return conflict("correction " + correction.id + " changed nothing", {});
  }
  if (auto found = obstacle(correction, later)) {
    return *std::move(found);
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
