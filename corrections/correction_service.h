// CorrectionService: plans corrections, carries them out one at a time in the sampling thread, and
// watches whether they took.
//
// What happens to one, and what a death of ours between two steps leaves:
//
//   1. request() checks the plan, its objections, the limits; journal "requested" (queued).
//   2. run_queued(), in the sampling thread: journal "applying". From here to 4 a restart finds
//      it unfinished and reports it as kUncertain ("interrupted").
//   3. OffsetWriter::write, which compares the offsets with those the plan saw while every vCPU
//      stands still, and writes only if they are the same.
//   4. journal "written", or "finished" when there is nothing to verify.
//   5. observe(), after each sweep: two that agree, and the master clock; journal "finished".
//
// Threads: run_queued() and observe() belong to the sampling thread, the rest to any.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "attach/clock_source.h"
#include "attach/offset_writer.h"
#include "base/clock.h"
#include "corrections/correction.h"
#include "corrections/correction_book.h"
#include "corrections/journal.h"
#include "corrections/past_correction.h"
#include "corrections/plan_book.h"
#include "corrections/planner.h"
#include "corrections/rate_limits.h"
#include "tsc/snapshot.h"

namespace kvmtsc {

struct CorrectionOptions {
  bool enabled = false;  // otherwise plans are made and corrections refused
  Nanoseconds max_step = std::chrono::seconds(1);
  unsigned per_vm_per_hour = 6;
  unsigned per_host_per_hour = 30;
  Nanoseconds write_deadline = std::chrono::seconds(1);
  // After which a correction gets its verdict from what is known then.
  Nanoseconds verify_deadline = std::chrono::seconds(20);
  Nanoseconds plan_lifetime = std::chrono::minutes(10);
};

struct CorrectionRequest {
  std::string plan_id;
  std::set<Objection> allowed;
  std::string reason;
  Requester requester;
  std::optional<RequestMark> mark = {};
};

class CorrectionService {
 public:
  // `writer` and `clocks` are null where corrections are off; the others and they outlive this.
  // `latest` gives the newest snapshot (null before the first), `migrating` says whether a VM's
  // process shows signs of a migration, `wake` asks the sampling thread to call run_queued().
  struct Parts {
    OffsetWriter* writer = nullptr;
    ClockSource* clocks = nullptr;
    Journal* journal = nullptr;
    const Clock* clock = nullptr;
    std::function<SnapshotPtr()> latest;
    std::function<bool(const VmIdentity&)> migrating;
    std::function<void()> wake;
    // Called in the sampling thread: what was read of the VM's clock before now counts for nothing.
    std::function<void(const VmKey&)> wrote = [](const VmKey&) {};
  };
  CorrectionService(CorrectionOptions options, Parts parts);

  // Reports what the last run left half done as kUncertain, and counts what began within the last
  // hour towards the limits. Before anything else.
  Status recover();

  // A plan that is neither kept nor recorded. kGone for a VM that is not there; else as
  // plan_correction().
  Result<PlanRecord> preview(const VmKey& vm, const CorrectionGoal& goal) const;
  // The same, kept for request() and recorded.
  Result<PlanRecord> plan(const VmKey& vm, const CorrectionGoal& goal, const Requester& requester);
  std::optional<PlanRecord> find_plan(const std::string& id) const;

  // Queues a correction. kNotFound: no such plan, or it has expired. kConflict: the offsets are no
  // longer those the plan saw, or a correction of this VM is under way. kPermission: corrections
  // are off. kRefused: an objection that is not allowed. kLimited: a rate limit, with the time
  // until it leaves room. Each names the remedy.
  Result<Correction> request(const CorrectionRequest& request);

  // Plans and queues the way back to the offsets before `id`, of this run of the service or an
  // earlier one. kConflict unless it is on top of its VM's stack and nothing has changed since
  // (corrections/undo.h). No rate limit and none of allowed_to_undo() is in the way; else as
  // request().
  Result<Correction> undo(const std::string& id, const std::set<Objection>& allowed,
                          const std::string& reason, const Requester& requester,
                          const std::optional<RequestMark>& mark = {});

  // The plan that undo() would carry out, neither kept nor recorded.
  Result<PlanRecord> preview_undo(const std::string& id) const;

  // Records that something was refused before it came to request() or undo(); `asked` is the body
  // of the request, an object.
  void refuse(const VmName& vm, const Requester& requester, const Error& error,
              const nlohmann::json& asked);

  // The newest state of a correction of this run; older ones are in the journal.
  std::optional<Correction> find(const std::string& id) const;
  // Of this run or an earlier one; kNotFound when there is none, kConflict when its record does not
  // say which VM it was of.
  Result<PastCorrection> find_past(const std::string& id) const;

  // The ids of those that stand (corrections/undo.h), of the VM with this label or of all, as far
  // back as the newest 1000 tell; none of VMs that are known to have ended.
  Result<std::set<std::string>> standing(const std::string& label) const;

  CorrectionCounts counts() const;

  // Sampling thread: carries out what is queued.
  void run_queued();
  // Sampling thread: a sweep has ended.
  void observe(const Snapshot& snapshot);

 private:
  // Here and below: `undoes` is null unless the plan is the way back from that one.
  Status keep(const PlanRecord& planned, const Requester& requester, const PastCorrection* undoes);
  Result<PlanRecord> plan_back(const PastCorrection& past) const;
  Result<Correction> accept(const CorrectionRequest& request, const PlanRecord& planned,
                            const PastCorrection* undoes);
  void record_refusal(const VmName& vm, const Requester& requester,
                      const nlohmann::ordered_json& details);
  Status check_room(const VmKey& vm, bool limited, MonotonicTime now);

  void apply(Correction correction);
  bool nothing_to_do(Correction& correction, const VmState& vm);
  void write(Correction& correction, const VmState& vm);
  void publish(const Correction& correction, const char* what,
               std::optional<Verification> verification);

  const CorrectionOptions options_;
  const Parts parts_;
  Planner planner_;

  mutable std::mutex mutex_;
  // All guarded by mutex_.
  PlanBook plans_;
  CorrectionBook book_;
  RateLimits limits_;
  CorrectionCounts counts_;
};

}  // namespace kvmtsc
