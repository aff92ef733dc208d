#include "tsc/guest_notice.h"

#include <algorithm>
#include <cmath>

#include "base/duration_text.h"
#include "tsc/guest_timers.h"

namespace kvmtsc {
namespace {

// How far one vCPU's TSC moves, without its direction.
std::string distance(const PlannedVcpu& vcpu) {
  if (vcpu.jump_seconds) {
    return duration_text(std::abs(*vcpu.jump_seconds));
  }
  const std::string digits = std::to_string(vcpu.jump_ticks);
  return digits.substr(digits.starts_with('-') ? 1 : 0) + " ticks";
}

// "by 5 s", or "by up to 5 s" where the vCPUs move differently.
std::string by(const CorrectionPlan& plan, const PlannedVcpu& furthest, const char* word) {
  const bool alike = std::ranges::all_of(
      plan.vcpus, [&](const PlannedVcpu& vcpu) { return vcpu.jump_ticks == furthest.jump_ticks; });
  return std::string(word) + (alike ? " " : " up to ") + distance(furthest);
}

// "; timers are armed anew"; empty where no step is long enough to be noticed.
std::string timers(const CorrectionPlan& plan) {
  const auto is_moved = [](bool ahead) {
    return [ahead](const PlannedVcpu& vcpu) {
      return moves_timers(vcpu) && (vcpu.jump_ticks > 0) == ahead;
    };
  };
  const bool late = std::ranges::any_of(plan.vcpus, is_moved(true));
  const bool early = std::ranges::any_of(plan.vcpus, is_moved(false));
  if (!late && !early) {
    return {};
  }
  if (!plan.timers_left) {
    return "; timers are armed anew";
  }
  const std::string when = late && early ? "late or early" : late ? "late" : "early";
  return "; a timer that is armed may be " + when +
         " by as much, once: " + plan.timers_left->message;
}

}  // namespace

std::optional<std::string> guest_notice(const CorrectionPlan& plan) {
  const auto [back, ahead] = std::ranges::minmax_element(plan.vcpus, {}, &PlannedVcpu::jump_ticks);
  std::string clock;
  if (ahead != plan.vcpus.end() && ahead->jump_ticks > 0) {
    clock = "jumps ahead " + by(plan, *ahead, "by");
  }
  if (back != plan.vcpus.end() && back->jump_ticks < 0) {
    clock += (clock.empty() ? "" : " and ") + by(plan, *back, "stands still for");
  }
  if (clock.empty()) {
    return std::nullopt;
  }
  return "on clocksource tsc its clock " + clock + ", on kvm-clock it goes on" + timers(plan);
}

}  // namespace kvmtsc
