// Sweep: reads every VM of every source once and makes a Snapshot of what it found.
//
// One VM's trouble stays that VM's: it has a deadline and an error of its own. A VM that is no
// longer listed, or that ended while being read, is not in the snapshot, and all that was
// remembered of it is dropped. Nothing is dropped for a failure: while a source cannot list, the
// VMs it listed last stay in the snapshot, unread. Sampling thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "collectors/clock_sampling.h"
#include "collectors/host_clock_source.h"
#include "collectors/labels.h"
#include "collectors/offset_source.h"
#include "tsc/confirmation.h"
#include "tsc/resume_guard.h"
#include "tsc/snapshot.h"

namespace kvmtsc {

struct SweepOptions {
  // Time between regular sweeps. Two readings confirm each other when at least half of it lies
  // between them.
  Nanoseconds interval = std::chrono::seconds(5);
  // How long reading one VM may take, in CPU time of this thread and in all: it comes to
  // microseconds a vCPU, and what a host that is too busy takes from it is not held against the VM.
  Nanoseconds vm_cpu = std::chrono::milliseconds(500);
  Nanoseconds vm_patience = std::chrono::seconds(10);
};

class Sweep {
 public:
  // `clock`, `host_clock`, the sources and `clocks` outlive this. Keys are unique across sources.
  // Without `clocks` no VM is attached to.
  Sweep(SweepOptions options, const Clock& clock, HostClockSource& host_clock,
        const std::vector<OffsetSource*>& sources, ClockSampling* clocks = nullptr);

  // The caller may add to the snapshot before it publishes it.
  std::shared_ptr<Snapshot> run();

  // New options from the next run() on; what was confirmed stays so.
  void set_options(SweepOptions options);

  // VMs are labelled anew at the next run(): their identities may have changed.
  void forget_labels() { labels_ = LabelBook{}; }

 private:
  // What is remembered of one VM from sweep to sweep.
  struct Tracked {
    Confirmation confirmation;
    ResumeGuard resume;
    std::uint64_t read_errors = 0;
    bool may_have_run = false;  // a vCPU of it has, or whether one has cannot be known
  };
  // A source and what it listed last.
  struct Listing {
    OffsetSource* source;
    std::vector<FoundVm> vms;
  };

  HostClock read_host_clock(Snapshot& snapshot);
  void sweep_source(Listing& listing, Snapshot& snapshot);
  void read_vms(Listing& listing, Snapshot& snapshot);
  // Absent when the VM has ended meanwhile.
  std::optional<VmState> read_vm(OffsetSource& source, const FoundVm& vm, const HostClock& host);
  void judge(VmState& state, Tracked& tracked, const HostClock& host, bool kept_by_kvm) const;
  void keep_unlisted(const Listing& listing, const Error& error, Snapshot& snapshot);
  void note_failure(VmState& state, Tracked& tracked, const Error& error);
  // What is remembered of the VM; begun when there is nothing.
  Tracked& tracked(const VmKey& key);
  static void note_movement(VmState& state, const Movement& movement);
  void observe_clock(VmState& state);
  void label(Snapshot& snapshot);
  void drop_vanished();

  SweepOptions options_;
  const Clock* clock_;
  HostClockSource* host_clock_;
  std::vector<Listing> listings_;
  ClockSampling* clocks_;  // null where attaching is off
  LabelBook labels_;
  std::map<VmKey, Tracked> tracked_;
  std::uint64_t sequence_ = 0;
};

}  // namespace kvmtsc
