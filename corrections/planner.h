// Planner: makes plans from the newest snapshot, and looks at them anew before they are carried
// out. Any thread.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>

#include "attach/offset_writer.h"
#include "base/clock.h"
#include "base/result.h"
#include "corrections/correction.h"
#include "tsc/snapshot.h"

namespace kvmtsc {

class Planner {
 public:
  struct Parts {
    const Clock* clock = nullptr;
    std::function<SnapshotPtr()> latest;  // null before the first sweep
    std::function<bool(const VmIdentity&)> migrating;
    const OffsetWriter* writer = nullptr;  // null where nothing can be written
  };
  Planner(Nanoseconds max_step, Nanoseconds lifetime, Parts parts)
      : max_step_(max_step), lifetime_(lifetime), parts_(std::move(parts)) {}

  // kGone for a VM that is not there; kConflict with `retry_after` when its reading is older than
  // the last write (wrote()); else as plan_correction(). A clock older than that is none.
  Result<PlanRecord> make(const VmKey& vm, const CorrectionGoal& goal) const;

  // Whether a plan may be carried out now: kConflict when the VM's vCPUs or their offsets are no
  // longer those it saw, its obstacle as it is now, kRefused with each objection that
  // stands now and is not allowed; else as make(). Of a VM that is changing kConflict comes last.
  Status check(const PlanRecord& planned, const std::set<Objection>& allowed) const;

  // Offsets of this VM were written, or may have been, until now: what was read before counts for
  // nothing.
  void wrote(const VmKey& vm);

  // KVM ignored a write of this VM: later plans object to another, until forget_gone() misses it.
  void remember_protected(const VmKey& vm);
  void forget_gone(const Snapshot& snapshot);

 private:
  bool is_changing(const VmKey& key) const;
  // What the writer would refuse it for, or leave undone.
  void add_foreseen(const VmState& vm, CorrectionPlan& plan) const;

  Nanoseconds max_step_;
  Nanoseconds lifetime_;
  Parts parts_;
  mutable std::mutex mutex_;
  // Both guarded by mutex_.
  std::set<VmKey> protected_;
  std::map<VmKey, MonotonicTime> written_;
};

// Null when it is not there, or there is no snapshot.
const VmState* find_vm(const Snapshot* snapshot, const VmKey& key);

// Whether they saw the same offsets of the same vCPUs.
bool same_offsets(const CorrectionPlan& a, const CorrectionPlan& b);

// kConflict: make a new plan.
Error changed_since(const VmName& vm, const char* what);

}  // namespace kvmtsc
