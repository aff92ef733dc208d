// Snapshot: everything one sweep found out, as immutable values. It is the only thing that passes
// from the sampling thread to /metrics, the API and the page.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "tsc/call_filters.h"
#include "tsc/clock_triple.h"
#include "tsc/confirmation.h"
#include "tsc/correction_counts.h"
#include "tsc/hold_histogram.h"
#include "tsc/host_clock.h"
#include "tsc/kvmclock_divergence.h"
#include "tsc/reading.h"
#include "tsc/skew.h"
#include "tsc/vm.h"

namespace kvmtsc {

struct VmState {
  VmKey key;
  std::string source;  // the collector that found it: "debugfs", "simulated"
  std::string label;   // unique on this host for as long as the VM lives; the `vm` label
  VmIdentity identity;

  // The last reading; absent when this sweep could not read the VM, with `error` saying why.
  std::optional<VmReading> reading;
  std::optional<Error> error;
  // Its source could not list this time, `error` is the source's, and whether the VM still runs
  // is not known.
  bool source_failed = false;
  // One sentence that says why `reading` is not trusted; empty where it is, and without one.
  std::string trust_reason;
  std::uint64_t read_errors = 0;  // sweeps that failed to read this VM, since it was found

  // Confirmed skew (Confirmation); of the reading itself, with a bound that covers the movement
  // seen, while offsets move (Trust::kChanging). Absent while unconfirmed or untrusted.
  std::optional<SkewAnalysis> skew;
  // Guest TSC frequency: the host's, scaled by the reference vCPU's ratio. Absent while unknown.
  std::optional<Frequency> frequency;
  // Of each vCPU, ascending by id, whether or not it could be read this time.
  std::vector<VcpuSteps> steps;

  // From KVM_GET_CLOCK, where attaching is allowed: of the last reading, which is up to
  // attach.clock_interval old. Absent when it failed, with `clock_error` saying why.
  std::optional<ClockTriple> clock;
  MonotonicTime clock_taken;  // when; meaningless without one
  // No vCPU had run when `clock` was read: KVM has not decided on a master clock yet.
  bool never_ran = false;
  // Its clock is meant to be read: attaching is on and covers this VM.
  bool clock_wanted = false;
  std::optional<Divergence> divergence;
  std::optional<Error> clock_error;
  // Whether its VMM's system-call filters let us attach; absent where nobody attaches.
  std::optional<CallFilters> call_filters;
  std::uint64_t clock_errors = 0;  // failed clock readings since the VM was found
  // KVM_GET_TSC_KHZ of the reference vCPU, which is what the guest is told; absent while unknown.
  std::optional<std::uint32_t> tsc_khz;
};

// Whether the VM has a master clock; absent where that is not known, or not decided before its
// first vCPU has run.
std::optional<bool> master_clock(const VmState& vm);

// By how much of itself the guest's TSC runs faster (+) or slower (-) than the kHz that KVM tells
// the guest; absent while one of the two is unknown. KVM lets up to kToldTolerance pass unscaled
// (tsc_tolerance_ppm in arch/x86/kvm/x86.c): a guest that trusts the number loses that much time.
std::optional<double> told_frequency_error(const VmState& vm);
inline constexpr double kToldTolerance = 250e-6;

struct CollectorStatus {
  std::string name;
  bool success = false;
  Nanoseconds duration{0};
  std::optional<Error> error;  // set when !success
  bool lists_vms = false;      // it is an OffsetSource
};

struct Snapshot {
  std::uint64_t sequence = 0;  // 1 for the first sweep
  RealTime taken_real;
  MonotonicTime taken;
  HostClock host;
  std::vector<VmState> vms;  // ascending by label
  std::vector<CollectorStatus> collectors;
  std::optional<Error> no_priority;  // why the sampling thread may starve on a busy host
  // How long threads of VMMs were held since the service started; absent where attaching is off.
  struct Holds {
    HoldHistogram vcpus;   // vCPUs' threads: the guest stood still
    HoldHistogram others;  // other threads of the VMM, for clock readings
  };
  std::optional<Holds> holds;
  std::optional<CorrectionCounts> corrections;  // absent where there is nothing to correct with
};

// Which of the host's VMs the snapshot has. Only of kAll is a VM that is not in it none.
enum class VmsKnown {
  kAll,
  kSome,  // a source could not list: there may be more, and those it listed before may have ended
  kNone,  // no source could list
};
VmsKnown vms_known(const Snapshot& snapshot);

// Why not all are known; the collectors that could not list VMs. Empty where all are.
std::vector<const CollectorStatus*> blind_collectors(const Snapshot& snapshot);

using SnapshotPtr = std::shared_ptr<const Snapshot>;

}  // namespace kvmtsc
