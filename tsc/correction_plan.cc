#include "tsc/correction_plan.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "base/duration_text.h"

namespace kvmtsc {
namespace {

__extension__ using Wide = __int128;

constexpr std::array<std::pair<Objection, const char*>, 8> kNames{{
    {Objection::kBackwards, "backwards"},
    {Objection::kLargeStep, "large_step"},
    {Objection::kWithinBound, "within_bound"},
    {Objection::kUntrusted, "untrusted"},
    {Objection::kUnstableHostTsc, "unstable_host_tsc"},
    {Objection::kProtectedTsc, "protected_tsc"},
    {Objection::kMigrating, "migrating"},
    {Objection::kUnequalRatios, "unequal_ratios"},
}};

// Modulo 2^64, as the TSC counts.
std::int64_t plus(std::int64_t offset, std::int64_t ticks) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(offset) +
                                   static_cast<std::uint64_t>(ticks));
}

std::int64_t minus(std::int64_t a, std::int64_t b) {
  return tick_difference(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b));
}

// |ticks|; 2^63 for the one that has no int64 of its own.
std::uint64_t magnitude(std::int64_t ticks) {
  return ticks < 0 ? ~static_cast<std::uint64_t>(ticks) + 1 : static_cast<std::uint64_t>(ticks);
}

std::string name_of(VcpuId id) {
  return "vCPU " + std::to_string(id);
}

PlannedVcpu* find(std::vector<PlannedVcpu>& vcpus, VcpuId id) {
  const auto found = std::ranges::find(vcpus, id, &PlannedVcpu::id);
  return found == vcpus.end() ? nullptr : &*found;
}

Error no_such_vcpu(VcpuId id) {
  return Error{ErrorKind::kNotFound, "the VM has no " + name_of(id), {}};
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
      return Error{ErrorKind::kInvalid, name_of(wanted.id) + " is named twice", {}};
    }
  }
  for (const PlannedVcpu& vcpu : plan.vcpus) {
    if (!named.contains(vcpu.id)) {
      return Error{ErrorKind::kInvalid, name_of(vcpu.id) + " is not named",
                   "a restore names every vCPU"};
    }
  }
  plan.bound_ticks = goal.bound_ticks;
  return ok_status();
}

using Finding = std::optional<std::string>;

std::string moved(const PlannedVcpu& vcpu) {
  std::string text =
      name_of(vcpu.id) + "'s TSC would move by " + std::to_string(vcpu.jump_ticks) + " ticks";
  if (vcpu.jump_seconds) {
    text += " (" + duration_text(*vcpu.jump_seconds, true) + ")";
  }
  return text;
}

Finding backwards(const CorrectionPlan& plan) {
  const auto& lowest = std::ranges::min(plan.vcpus, {}, &PlannedVcpu::jump_ticks);
  if (lowest.jump_ticks >= 0) {
    return {};
  }
  return moved(lowest) + ": guest programs would see time go back";
}

Finding large_step(const CorrectionPlan& plan, Nanoseconds max_step) {
  const auto& largest = std::ranges::max(
      plan.vcpus, {}, [](const PlannedVcpu& vcpu) { return magnitude(vcpu.jump_ticks); });
  if (largest.jump_ticks == 0) {
    return {};
  }
  if (!largest.jump_seconds) {
    return moved(largest) + ", and how long that is for the guest is not known yet";
  }
  const double limit = static_cast<double>(max_step.count()) / 1e9;
  if (std::abs(*largest.jump_seconds) <= limit) {
    return {};
  }
  return moved(largest) + ", which is more than correction.max_step";
}

Finding within_bound(const CorrectionPlan& plan) {
  std::uint64_t largest = 0;
  for (const PlannedVcpu& vcpu : plan.vcpus) {
    largest = std::max(largest, magnitude(vcpu.jump_ticks));
  }
  if (largest == 0) {
    // Writing what is there to every vCPU is how a lost master clock comes back.
    const bool cures = plan.master_clock == false;
    return cures ? Finding{} : "every vCPU has this offset already";
  }
  if (largest > plan.bound_ticks) {
    return {};
  }
  return "no TSC would move by more than the error bound of " + std::to_string(plan.bound_ticks) +
         " ticks";
}

Finding untrusted(const VmState& vm) {
  const VmReading& reading = *vm.reading;
  if (reading.trust == Trust::kUnstableHostTsc) {
    return {};  // an objection of its own
  }
  if (reading.trust != Trust::kTrusted) {
    return trust_explanation(reading.trust);
  }
  if (!reading.unreadable.empty()) {
    return name_of(reading.unreadable.front().id) +
           " could not be read, so it would not be written";
  }
  if (!vm.skew) {
    return "the offsets are not confirmed by a second sweep yet";
  }
  if (!offsets_confirmed(vm)) {
    return "an offset has changed and is not confirmed by a second sweep yet";
  }
  return {};
}

Finding unequal_ratios(const VmReading& reading) {
  const bool equal = std::ranges::all_of(reading.vcpus, [&](const VcpuReading& vcpu) {
    return vcpu.ratio == reading.vcpus.front().ratio;
  });
  if (equal) {
    return {};
  }
  return "the vCPUs' scaling ratios differ, so their TSCs will drift apart again";
}

void judge(CorrectionPlan& plan, const VmState& vm, const PlanConditions& conditions) {
  const auto add = [&](Objection objection, Finding finding) {
    if (finding) {
      plan.objections.push_back({objection, *std::move(finding)});
    }
  };
  add(Objection::kBackwards, backwards(plan));
  add(Objection::kLargeStep, large_step(plan, conditions.max_step));
  add(Objection::kWithinBound, within_bound(plan));
  add(Objection::kUntrusted, untrusted(vm));
  if (vm.reading->trust == Trust::kUnstableHostTsc) {
    add(Objection::kUnstableHostTsc,
        "the host's clocksource is not tsc, so KVM rewrites offsets by itself");
  }
  if (conditions.tsc_protected) {
    add(Objection::kProtectedTsc, "KVM accepted an earlier write of this VM and ignored it");
  }
  if (conditions.migrating) {
    add(Objection::kMigrating, "the VM shows signs of a migration under way");
  }
  add(Objection::kUnequalRatios, unequal_ratios(*vm.reading));
}

}  // namespace

const char* objection_name(Objection objection) {
  return std::ranges::find(kNames, objection, &std::pair<Objection, const char*>::first)->second;
}

std::optional<Objection> parse_objection(std::string_view name) {
  for (const auto& [objection, known] : kNames) {
    if (name == known) {
      return objection;
    }
  }
  return std::nullopt;
}

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
  if (vm.clock) {
    plan.master_clock = vm.clock->master_clock();
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
  judge(plan, vm, conditions);
  return plan;
}

bool offsets_confirmed(const VmState& vm) {
  if (!vm.reading || !vm.skew) {
    return false;
  }
  const VmReading& reading = *vm.reading;
  const auto now = analyse_skew(reading.vcpus, reading.host_tsc_before, reading.host_tsc_after);
  return now &&
         std::ranges::equal(now->vcpus, vm.skew->vcpus, [&](const VcpuSkew& a, const VcpuSkew& b) {
           return a.id == b.id && (!now->equal_ratios || a.ticks == b.ticks);
         });
}

std::vector<ObjectionFound> standing_objections(const CorrectionPlan& plan,
                                                const std::set<Objection>& allowed) {
  std::vector<ObjectionFound> standing;
  std::ranges::copy_if(
      plan.objections, std::back_inserter(standing),
      [&](const ObjectionFound& found) { return !allowed.contains(found.objection); });
  return standing;
}

}  // namespace kvmtsc
