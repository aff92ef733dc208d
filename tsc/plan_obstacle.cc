#include "tsc/plan_obstacle.h"

#include <algorithm>
#include <string>

#include "base/duration_text.h"

namespace kvmtsc {
namespace {

__extension__ using Wide = __int128;

// "2600000000 ticks (2.6 s)"; not negative.
std::string amount(std::uint64_t ticks, const std::optional<Frequency>& frequency) {
  std::string text = std::to_string(ticks) + " ticks";
  if (frequency) {
    text += " (" + duration_text(static_cast<double>(ticks) / frequency->hertz) + ")";
  }
  return text;
}

}  // namespace

std::optional<Error> obstacle_in(const CorrectionPlan& plan, const VmReading& reading) {
  for (const PlannedVcpu& vcpu : plan.vcpus) {
    const auto read = std::ranges::find(reading.vcpus, vcpu.id, &VcpuReading::id);
    const std::uint64_t now = guest_tsc(reading.host_tsc_before, read->ratio, read->offset);
    const Wide then = Wide{now} + vcpu.jump_ticks;
    if (then < 0) {
      return Error{ErrorKind::kRefused,
                   vcpu_name(vcpu.id) + "'s TSC stands at " + amount(now, plan.frequency) +
                       " and would go " +
                       amount(static_cast<std::uint64_t>(-then), plan.frequency) +
                       " below 0, where the guest's timers are lost",
                   "nothing can be allowed that opens this; let it go back by less"};
    }
  }
  return std::nullopt;
}

}  // namespace kvmtsc
