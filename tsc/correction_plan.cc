#include "tsc/correction_plan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "tsc/plan_objections.h"
#include "tsc/plan_obstacle.h"

namespace kvmtsc {
namespace {

__extension__ using Wide = __int128;

// Modulo 2^64, as the TSC counts.
std::int64_t plus(std::int64_t offset, std::int64_t ticks) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(offset) +
                                   static_cast<std::uint64_t>(ticks));
}

std::int64_t minus(std::int64_t a, std::int64_t b) {
  return tick_difference(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b));
}

PlannedVcpu* find(std::vector<PlannedVcpu>& vcpus, VcpuId id) {
  const auto found = std::ranges::find(vcpus, id, &PlannedVcpu::id);
  return found == vcpus.end() ? nullptr : &*found;
}

Error no_such_vcpu(VcpuId id) {
  return Error{ErrorKind::kNotFound, "the VM has no " + vcpu_name(id), {}};
}

// Each of these sets `then` of every vCPU and the plan's bound.
Status aim(CorrectionPlan& plan, const AlignGoal& goal, const VmReading& reading) {
  const auto skew = analyse_skew(reading.vcpus, reading.host_tsc_before, reading.host_tsc_after);
  std::int64_t target = 0;
  if (goal.to == AlignGoal::To::kMostAdvanced) {
    target = std::ranges::max(skew->vcpus, {}, &VcpuSkew::ticks).ticks;
  }
  for (std::size_t i = 0; i < plan.vcpus.size(); ++i) {
    plan.vcpus[i].then = plus(plan.vcpus[i].now, minus(target, skew->vcpus[i].ticks));
  }
  plan.bound_ticks = skew->bound_ticks;
  return ok_status();
}

Status aim(CorrectionPlan& plan, const SetGoal& goal, const VmReading& /*reading*/) {
  for (PlannedVcpu& vcpu : plan.vcpus) {
    vcpu.then = !goal.vcpu || *goal.vcpu == vcpu.id ? goal.offset : vcpu.now;
  }
  if (goal.vcpu && find(plan.vcpus, *goal.vcpu) == nullptr) {
    return no_such_vcpu(*goal.vcpu);
  }
  return ok_status();
}

// To the nearest tick; halves away from zero.
Result<std::int64_t> ticks_of(Nanoseconds time, const Frequency& frequency) {
  // In millihertz: of whole hertz the rounding alone could be more than the bound, over minutes.
  constexpr Wide kPerTick = 1'000'000'000'000;
  const Wide product = Wide{time.count()} * std::llround(frequency.hertz * 1000);
  const Wide ticks = (product + (product < 0 ? -kPerTick / 2 : kPerTick / 2)) / kPerTick;
  if (ticks > std::numeric_limits<std::int64_t>::max() ||
      ticks < std::numeric_limits<std::int64_t>::min()) {
    return Error{ErrorKind::kInvalid, "the shift is more than 2^63 ticks", "give a smaller one"};
  }
  return static_cast<std::int64_t>(ticks);
}

Status aim(CorrectionPlan& plan, const ShiftGoal& goal, const VmReading& /*reading*/) {
  if (goal.ticks.has_value() == goal.time.has_value()) {
    return Error{ErrorKind::kInvalid, "a shift is by ticks or by time", "give one of the two"};
  }
  std::int64_t ticks = goal.ticks.value_or(0);
  if (goal.time) {
    if (!plan.frequency) {
      return Error{ErrorKind::kRefused, "the guest's TSC frequency is not known yet",
                   "shift by ticks, or try again after the next sweeps"};
    }
    const auto converted = ticks_of(*goal.time, *plan.frequency);
    if (!converted) {
      return converted.error();
    }
    ticks = *converted;
    const double seconds = std::abs(static_cast<double>(goal.time->count())) / 1e9;
    plan.bound_ticks =
        static_cast<std::uint64_t>(std::ceil(seconds * plan.frequency->bound_hertz)) + 1;
  }
  for (PlannedVcpu& vcpu : plan.vcpus) {
    vcpu.then = plus(vcpu.now, ticks);
  }
  return ok_status();
}

Status aim(CorrectionPlan& plan, const RestoreGoal& goal, const VmReading& /*reading*/) {
  std::set<VcpuId> named;
  for (const RestoreGoal::Vcpu& wanted : goal.vcpus) {
    PlannedVcpu* const vcpu = find(plan.vcpus, wanted.id);
    if (vcpu == nullptr) {
      return no_such_vcpu(wanted.id);
    }
    vcpu->then = wanted.offset;
    if (!named.insert(wanted.id).second) {
      return Error{ErrorKind::kInvalid, vcpu_name(wanted.id) + " is named twice", {}};
    }
  }
  for (const PlannedVcpu& vcpu : plan.vcpus) {
    if (!named.contains(vcpu.id)) {
      return Error{ErrorKind::kInvalid, vcpu_name(vcpu.id) + " is not named",
                   "a restore names every vCPU"};
    }
  }
  plan.bound_ticks = goal.bound_ticks;
  return ok_status();
}

}  // namespace

Result<CorrectionPlan> plan_correction(const VmState& vm, std::uint64_t sequence,
                                       const PlanConditions& conditions,
                                       const CorrectionGoal& goal) {
  if (!vm.reading || vm.reading->vcpus.empty()) {
    return Error{ErrorKind::kRefused, vm.label + ": its offsets could not be read",
                 vm.error ? vm.error->text() : "try again after the next sweep"};
  }
  CorrectionPlan plan;
  plan.vm = vm.key;
  plan.goal = goal;
  plan.frequency = vm.frequency;
  plan.sequence = sequence;
  if (conditions.clock_counts) {
    plan.master_clock = master_clock(vm);
  }
  for (const VcpuReading& vcpu : vm.reading->vcpus) {
    plan.vcpus.push_back({vcpu.id, vcpu.offset, vcpu.offset, 0, {}});
  }
  const Status aimed =
      std::visit([&](const auto& one) { return aim(plan, one, *vm.reading); }, goal);
  if (!aimed) {
    return aimed.error();
  }
  for (PlannedVcpu& vcpu : plan.vcpus) {
    vcpu.jump_ticks = minus(vcpu.then, vcpu.now);
    if (plan.frequency) {
      vcpu.jump_seconds = static_cast<double>(vcpu.jump_ticks) / plan.frequency->hertz;
    }
  }
  plan.objections = objections_to(plan, vm, conditions);
  plan.obstacle = obstacle_in(plan, *vm.reading);
  return plan;
}

}  // namespace kvmtsc
