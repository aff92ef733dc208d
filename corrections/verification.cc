#include "corrections/verification.h"

#include <algorithm>

#include "tsc/plan_objections.h"

namespace kvmtsc {
namespace {

// Two readings agree with each other only when the vCPUs had time to run between them.
constexpr Nanoseconds kSpacing = std::chrono::milliseconds(400);
constexpr Nanoseconds kClockDeadline = std::chrono::milliseconds(100);

// Only then will KVM grant a master clock.
bool one_offset_for_all(const CorrectionPlan& plan) {
  return std::ranges::all_of(
      plan.vcpus, [&](const PlannedVcpu& vcpu) { return vcpu.then == plan.vcpus.front().then; });
}

void look_at_master_clock(Correction& correction, const VmState& vm,
                          const Verification::Means& means) {
  if (correction.facts.master_clock == true || means.clocks == nullptr) {
    return;
  }
  const auto reading = means.clocks->read_clock(attach_target(vm.key, vm.identity),
                                                means.clock->monotonic() + kClockDeadline);
  if (!reading) {
    correction.facts.why_unknown = "master clock: " + reading.error().text();
    return;
  }
  correction.facts.master_clock = reading->triple.master_clock();
  correction.facts.why_unknown.clear();
}

}  // namespace

void Verification::look(Correction& correction, const VmState* vm, const Means& means) {
  const auto end = [&](Verdict verdict) { finish(correction, verdict, means.clock->realtime()); };
  if (vm == nullptr) {
    correction.facts.why_unknown =
        "the VM ended, or could not be read, before it could be verified";
    correction.error = Error{ErrorKind::kGone, correction.facts.why_unknown, {}};
    end(Verdict::kUncertain);
    return;
  }
  look_at_offsets(correction, *vm);
  look_at_master_clock(correction, *vm, means);
  if (disagreeing_ >= 2) {
    correction.facts.offsets_equal = false;
    correction.error =
        Error{ErrorKind::kConflict, "two later readings found other offsets than those written",
              "something else writes them: the guest, the VMM or KVM; look at the "
              "VM before you correct it again"};
    end(Verdict::kUncertain);
    return;
  }
  // Confirmed as well, so that /metrics has it too, and an undo need not wait.
  const bool agreed = agreeing_ >= 2 && offsets_confirmed(*vm);
  if (agreed) {
    correction.facts.offsets_equal = true;
  }
  const bool clock_settled =
      correction.facts.master_clock == true || !one_offset_for_all(correction.plan);
  const bool out_of_time = means.clock->monotonic() - written_ >= means.deadline;
  if (agreed && (clock_settled || out_of_time)) {
    end(Verdict::kCorrected);
  } else if (out_of_time) {
    correction.error = Error{ErrorKind::kTimeout, "no two later readings could be believed in time",
                             "look at the VM's offsets and trust"};
    end(Verdict::kUncertain);
  }
}

void Verification::look_at_offsets(const Correction& correction, const VmState& vm) {
  if (!vm.reading || vm.reading->trust != Trust::kTrusted ||
      vm.reading->taken - last_seen_ < kSpacing) {
    return;
  }
  last_seen_ = vm.reading->taken;
  const bool equal = std::ranges::all_of(correction.plan.vcpus, [&](const PlannedVcpu& wanted) {
    const auto found = std::ranges::find(vm.reading->vcpus, wanted.id, &VcpuReading::id);
    return found != vm.reading->vcpus.end() && found->offset == wanted.then;
  });
  agreeing_ = equal ? agreeing_ + 1 : 0;
  disagreeing_ = equal ? 0 : disagreeing_ + 1;
}

}  // namespace kvmtsc
