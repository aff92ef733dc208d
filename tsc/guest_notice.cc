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
  const bool moved = std::ranges::any_of(plan.vcpus, moves_timers);
  return "on clocksource tsc its clock " + clock + ", on kvm-clock it goes on" +
         (moved ? "; timers are armed anew" : "");
}

}  // namespace kvmtsc
