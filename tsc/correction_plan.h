// Correction planning: which offsets to write so that a goal is reached, and what speaks against
// it. Pure; any thread.
//
// KVM grants a VM its master clock when every vCPU wrote the current offset (kvm_synchronize_tsc()
// and kvm_track_tsc_matching() in arch/x86/kvm/x86.c), so a plan names every vCPU, those that keep
// their offset included.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "tsc/objection.h"
#include "tsc/snapshot.h"

namespace kvmtsc {

// All vCPUs to one offset: the most advanced vCPU's, so that none goes back, or the reference's.
struct AlignGoal {
  enum class To { kMostAdvanced, kReference };
  To to = To::kMostAdvanced;
};
// An explicit offset for one vCPU, or for all.
struct SetGoal {
  std::optional<VcpuId> vcpu;
  std::int64_t offset = 0;  // ticks of the guest TSC
};
// All vCPUs by as much: exactly one of the two.
struct ShiftGoal {
  std::optional<std::int64_t> ticks;
  std::optional<Nanoseconds> time;  // of the guest; becomes ticks at the guest's frequency
};
// The offsets that something else computed (a migration record, an undo), and their bound.
struct RestoreGoal {
  struct Vcpu {
    VcpuId id = 0;
    std::int64_t offset = 0;
  };
  std::vector<Vcpu> vcpus;  // every vCPU of the VM
  std::uint64_t bound_ticks = 0;
};
using CorrectionGoal = std::variant<AlignGoal, SetGoal, ShiftGoal, RestoreGoal>;

struct PlannedVcpu {
  VcpuId id = 0;
  std::int64_t now = 0;         // the offset the plan saw, ticks
  std::int64_t then = 0;        // the offset to write, ticks
  std::int64_t jump_ticks = 0;  // then - now modulo 2^64, nearest to zero; the guest's TSC moves so
  std::optional<double> jump_seconds;  // absent while the guest's frequency is unknown
};

struct CorrectionPlan {
  VmKey vm;
  CorrectionGoal goal;
  std::vector<PlannedVcpu> vcpus;          // ascending by id: every vCPU of the VM
  std::uint64_t bound_ticks = 0;           // half-width of the error of each jump
  std::optional<Frequency> frequency;      // of the guest TSC
  std::optional<bool> master_clock;        // before the correction; absent when unknown
  std::uint64_t sequence = 0;              // of the snapshot it was made from
  std::vector<ObjectionFound> objections;  // in the order of the enumerators, each once
  // What carrying it out would be refused for now, whatever is allowed: found in the plan itself
  // (plan_obstacle.h), or set by who can tell.
  std::optional<Error> obstacle;
  // Why the guest's timers would not be armed anew, as far as that is foreseen; set likewise.
  std::optional<Error> timers_left;
};

// What is known of the VM besides its reading.
struct PlanConditions {
  Nanoseconds max_step = std::chrono::seconds(1);
  std::string writes_ignored;  // why KVM ignores writes of this VM; empty while nothing says so
  bool migrating = false;
  bool clock_counts = true;  // VmState::clock was read after the last write
};

// kNotFound for a vCPU that is not there, kInvalid for a goal that is none (both shifts or neither,
// a restore that misses a vCPU, a shift beyond 64 bits), kRefused when there is no reading to plan
// from. What merely speaks against the plan is in it.
Result<CorrectionPlan> plan_correction(const VmState& vm, std::uint64_t sequence,
                                       const PlanConditions& conditions,
                                       const CorrectionGoal& goal);

}  // namespace kvmtsc
