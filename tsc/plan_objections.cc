#include "tsc/plan_objections.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "base/duration_text.h"

namespace kvmtsc {
namespace {

// |ticks|; 2^63 for the one that has no int64 of its own.
std::uint64_t magnitude(std::int64_t ticks) {
  return ticks < 0 ? ~static_cast<std::uint64_t>(ticks) + 1 : static_cast<std::uint64_t>(ticks);
}

using Finding = std::optional<std::string>;

std::string moved(const PlannedVcpu& vcpu) {
  std::string text =
      vcpu_name(vcpu.id) + "'s TSC would move by " + std::to_string(vcpu.jump_ticks) + " ticks";
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
    return vm.trust_reason.empty() ? trust_explanation(reading.trust) : vm.trust_reason;
  }
  if (!reading.unreadable.empty()) {
    return vcpu_name(reading.unreadable.front().id) +
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

}  // namespace

std::vector<ObjectionFound> objections_to(const CorrectionPlan& plan, const VmState& vm,
                                          const PlanConditions& conditions) {
  std::vector<ObjectionFound> objections;
  const auto add = [&](Objection objection, Finding finding) {
    if (finding) {
      objections.push_back({objection, *std::move(finding)});
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
  if (!conditions.writes_ignored.empty()) {
    add(Objection::kProtectedTsc, conditions.writes_ignored);
  }
  if (conditions.migrating) {
    add(Objection::kMigrating, "the VM shows signs of a migration under way");
  }
  add(Objection::kUnequalRatios, unequal_ratios(*vm.reading));
  return objections;
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
