#include "corrections/correction_service.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "corrections/correction_history.h"
#include "corrections/correction_json.h"
#include "corrections/journal_entries.h"
#include "corrections/recovery.h"
#include "corrections/settlement.h"
#include "corrections/undo.h"
#include "tsc/guest_timers.h"

namespace kvmtsc {
namespace {

constexpr Nanoseconds kClockDeadline = std::chrono::milliseconds(100);

bool is_redo(const PastCorrection& undoes) {
  return undoes.undo_of && !undoes.redo;
}

std::uint64_t& count_of(CorrectionCounts::OfVm& vm, Verdict verdict) {
  switch (verdict) {
    case Verdict::kCorrected:
      return vm.corrected;
    case Verdict::kNotApplied:
      return vm.not_applied;
    case Verdict::kRolledBack:
      return vm.rolled_back;
    case Verdict::kUncertain:
      break;
  }
  return vm.uncertain;
}

// What the way back from that one takes back.
nlohmann::ordered_json undo_json(const PastCorrection& undoes) {
  return {{"undo_of", undoes.id}, {"redo", is_redo(undoes)}};
}

}  // namespace

CorrectionService::CorrectionService(CorrectionOptions options, Parts parts)
    : options_(options),
      parts_(std::move(parts)),
      planner_(options.max_step, options.plan_lifetime,
               {parts_.clock, parts_.latest, parts_.migrating, parts_.writer}),
      plans_(options.plan_lifetime),
      limits_(options.per_vm_per_hour, options.per_host_per_hour) {}

Status CorrectionService::recover() {
  const auto interrupted = report_interrupted(*parts_.journal, parts_.clock->realtime());
  if (!interrupted) {
    return interrupted.error();
  }
  const std::lock_guard lock(mutex_);
  counts_.interrupted += *interrupted;
  return recall_limits(*parts_.journal, *parts_.clock, options_.per_host_per_hour, limits_);
}

Result<PlanRecord> CorrectionService::preview(const VmKey& vm, const CorrectionGoal& goal) const {
  return planner_.make(vm, goal);
}

Result<PlanRecord> CorrectionService::plan(const VmKey& vm, const CorrectionGoal& goal,
                                           const Requester& requester) {
  auto planned = planner_.make(vm, goal);
  if (planned) {
    if (auto kept = keep(*planned, requester, nullptr); !kept) {
      return kept.error();
    }
  }
  return planned;
}

Status CorrectionService::keep(const PlanRecord& planned, const Requester& requester,
                               const PastCorrection* undoes) {
  auto details = to_json(planned);
  if (undoes != nullptr) {
    details.update(undo_json(*undoes));
  }
  auto recorded = parts_.journal->record(
      event_of("planned", planned.vm, requester, dump(details), parts_.clock->realtime()), {});
  if (recorded) {
    const std::lock_guard lock(mutex_);
    plans_.keep(planned);
  }
  return recorded;
}

std::optional<PlanRecord> CorrectionService::find_plan(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  return plans_.find(id, parts_.clock->monotonic());
}

// With mutex_ held.
Status CorrectionService::check_room(const VmKey& vm, bool limited, MonotonicTime now) {
  if (const auto other = book_.under_way(vm)) {
    return Error{ErrorKind::kConflict, "correction " + *other + " of this VM is under way",
                 "wait for its verdict"};
  }
  return limited ? limits_.check(vm, now) : ok_status();
}

Result<Correction> CorrectionService::accept(const CorrectionRequest& request,
                                             const PlanRecord& planned,
                                             const PastCorrection* undoes) {
  if (!options_.enabled || parts_.writer == nullptr) {
    return Error{ErrorKind::kPermission, "corrections are off",
                 "start the service with --correction.enabled and --attach.mode=correct"};
  }
  std::set<Objection> allowed = request.allowed;
  if (undoes != nullptr) {
    allowed.insert(allowed_to_undo().begin(), allowed_to_undo().end());
  }
  if (auto good = planner_.check(planned, allowed); !good) {
    return good.error();
  }
  // All of its record has to find room, or it could end unrecorded.
  if (auto writable = parts_.journal->writable(); !writable) {
    return writable.error();
  }
  Correction correction;
  correction.id = random_id("c-");
  correction.vm = planned.vm;
  correction.plan = planned.plan;
  correction.allowed = request.allowed;
  correction.reason = request.reason;
  correction.requester = request.requester;
  correction.mark = request.mark;
  correction.requested = parts_.clock->realtime();
  if (undoes != nullptr) {
    correction.undo_of = undoes->id;
    correction.redo = is_redo(*undoes);
  }
  {
    // Held across the journal, so that of two engineers at once only one is recorded as accepted.
    const std::lock_guard lock(mutex_);
    const MonotonicTime now = parts_.clock->monotonic();
    if (auto room = check_room(planned.plan.vm, undoes == nullptr, now); !room) {
      return room.error();
    }
    if (auto recorded = parts_.journal->record(
            event_of("requested", correction, correction.requested), row_of(correction));
        !recorded) {
      return recorded.error();
    }
    if (undoes == nullptr) {
      limits_.count(planned.plan.vm, now);
    }
    book_.add(correction);
  }
  parts_.wake();
  return correction;
}

Result<Correction> CorrectionService::request(const CorrectionRequest& request) {
  const auto planned = find_plan(request.plan_id);
  if (!planned) {
    return Error{ErrorKind::kNotFound,
                 "there is no plan " + request.plan_id + ", or it has expired", "make a new plan"};
  }
  auto accepted = accept(request, *planned, nullptr);
  if (!accepted) {
    record_refusal(planned->vm, request.requester,
                   {{"error", to_json(accepted.error())},
                    {"reason", request.reason},
                    {"plan", to_json(*planned)}});
  }
  return accepted;
}

void CorrectionService::refuse(const VmName& vm, const Requester& requester, const Error& error,
                               const nlohmann::json& asked) {
  nlohmann::ordered_json details{{"error", to_json(error)}};
  if (const auto reason = asked.find("reason"); reason != asked.end()) {
    details["reason"] = *reason;
  }
  details["asked"] = asked;
  record_refusal(vm, requester, details);
}

void CorrectionService::record_refusal(const VmName& vm, const Requester& requester,
                                       const nlohmann::ordered_json& details) {
  {
    const std::lock_guard lock(mutex_);
    ++counts_.refused;
  }
  // A refusal stands whether or not it could be written down.
  static_cast<void>(parts_.journal->record(
      event_of("refused", vm, requester, dump(details), parts_.clock->realtime()), {}));
}

Result<Correction> CorrectionService::undo(const std::string& id,
                                           const std::set<Objection>& allowed,
                                           const std::string& reason, const Requester& requester,
                                           const std::optional<RequestMark>& mark) {
  const auto past = find_past(id);
  const auto planned = past ? plan_back(*past) : Result<PlanRecord>(past.error());
  const Status kept = planned ? keep(*planned, requester, &*past) : Status(planned.error());
  auto accepted = kept ? accept({planned->id, allowed, reason, requester, mark}, *planned, &*past)
                       : Result<Correction>(kept.error());
  if (!accepted) {
    nlohmann::ordered_json details{{"error", to_json(accepted.error())}, {"reason", reason}};
    if (past) {
      details.update(undo_json(*past));
    }
    if (planned) {
      details["plan"] = to_json(*planned);
    }
    record_refusal(past ? past->vm : VmName{}, requester, details);
  }
  return accepted;
}

Result<PlanRecord> CorrectionService::preview_undo(const std::string& id) const {
  const auto past = find_past(id);
  return past ? plan_back(*past) : Result<PlanRecord>(past.error());
}

Result<PlanRecord> CorrectionService::plan_back(const PastCorrection& past) const {
  const auto later = [&] {
    const std::lock_guard lock(mutex_);
    return CorrectionHistory(book_, *parts_.journal).later_than(past.id);
  }();
  const auto goal = later ? way_back(past, *later) : Result<CorrectionGoal>(later.error());
  if (!goal) {
    return goal.error();
  }
  auto planned = planner_.make(past.key, *goal);
  if (!planned) {
    return planned.error();
  }
  if (planned->vm.uuid != past.vm.uuid || !still_stands(past, planned->plan.vcpus)) {
    return changed_since(past.vm, "that correction");
  }
  std::erase_if(planned->plan.objections, [](const ObjectionFound& found) {
    return allowed_to_undo().contains(found.objection);
  });
  return planned;
}

Result<PastCorrection> CorrectionService::find_past(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  return CorrectionHistory(book_, *parts_.journal).find(id);
}

Result<std::set<std::string>> CorrectionService::standing(const std::string& label) const {
  auto history = [&] {
    const std::lock_guard lock(mutex_);
    return CorrectionHistory(book_, *parts_.journal).newest(label);
  }();
  if (!history) {
    return history.error();
  }
  // What was done to a VM that has ended stands nowhere.
  const SnapshotPtr snapshot = parts_.latest();
  if (snapshot && vms_known(*snapshot) == VmsKnown::kAll) {
    std::erase_if(*history, [&](const PastCorrection& past) {
      return find_vm(snapshot.get(), past.key) == nullptr;
    });
  }
  return kvmtsc::standing(*history);
}

std::optional<Correction> CorrectionService::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto* const entry = book_.find(id);
  return entry == nullptr ? std::nullopt : std::optional{entry->correction};
}

CorrectionCounts CorrectionService::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void CorrectionService::run_queued() {
  while (true) {
    std::optional<std::string> id;
    {
      const std::lock_guard lock(mutex_);
      id = book_.take_queued();
    }
    const auto correction = id ? find(*id) : std::nullopt;
    if (!correction) {
      return;
    }
    apply(*correction);
  }
}

void CorrectionService::apply(Correction correction) {
  const SnapshotPtr snapshot = parts_.latest();
  const VmState* const vm = find_vm(snapshot.get(), correction.plan.vm);
  correction.state = CorrectionState::kApplying;
  const Status recorded = parts_.journal->record(
      event_of("applying", correction, parts_.clock->realtime()), row_of(correction));
  if (recorded && vm != nullptr) {
    write(correction, *vm);
    return;
  }
  correction.error =
      recorded ? Error{ErrorKind::kGone, "the VM is not there any more", {}} : recorded.error();
  finish(correction, Verdict::kNotApplied, parts_.clock->realtime());
  publish(correction, "finished", {});
}

// Equal offsets are written again to bring a lost master clock back. Whether it is lost is asked
// now: the plan's answer may be older than what made it come back. Not known is no reason to write.
bool CorrectionService::nothing_to_do(Correction& correction, const VmState& vm) {
  const bool writes_anew = std::ranges::all_of(
      correction.plan.vcpus, [](const PlannedVcpu& vcpu) { return vcpu.now == vcpu.then; });
  if (!writes_anew || correction.allowed.contains(Objection::kWithinBound) ||
      parts_.clocks == nullptr) {
    return false;
  }
  const auto clock = parts_.clocks->read_clock(attach_target(vm.key, vm.identity),
                                               parts_.clock->monotonic() + kClockDeadline);
  if (clock && !clock->triple.master_clock()) {
    return false;
  }
  correction.error =
      clock ? Error{ErrorKind::kConflict,
                    "every vCPU has its offset already, and the master clock is in use",
                    {}}
            : clock.error();
  finish(correction, Verdict::kNotApplied, parts_.clock->realtime());
  publish(correction, "finished", {});
  return true;
}

void CorrectionService::write(Correction& correction, const VmState& vm) {
  if (nothing_to_do(correction, vm)) {
    return;
  }
  std::vector<WantedOffset> wanted;
  for (const PlannedVcpu& vcpu : correction.plan.vcpus) {
    wanted.push_back({vcpu.id, vcpu.then, vcpu.now, moves_timers(vcpu)});
  }
  const auto report = parts_.writer->write(attach_target(vm.key, vm.identity), wanted,
                                           parts_.clock->monotonic() + options_.write_deadline);
  settle(correction, report, parts_.clock->realtime());
  if (report) {
    planner_.wrote(vm.key);
    parts_.wrote(vm.key);
    if (was_ignored(*report)) {
      planner_.remember_protected(vm.key);
    }
    const std::lock_guard lock(mutex_);
    for (const VcpuWrite& vcpu : report->vcpus) {
      counts_.held.observe(vcpu.held);
    }
  }
  publish(correction, correction.state == CorrectionState::kDone ? "finished" : "written",
          Verification(parts_.clock->monotonic()));
}

// Makes the newest state visible and records it. Once something is written the journal's failure
// can only be told.
void CorrectionService::publish(const Correction& correction, const char* what,
                                std::optional<Verification> verification) {
  Correction newest = correction;
  if (auto recorded =
          parts_.journal->record(event_of(what, newest, parts_.clock->realtime()), row_of(newest));
      !recorded && !newest.error) {
    newest.error = recorded.error();
  }
  const std::lock_guard lock(mutex_);
  if (newest.state == CorrectionState::kDone) {
    ++count_of(counts_.vms[newest.vm.label], newest.verdict.value_or(Verdict::kUncertain));
  }
  if (auto* const entry = book_.find(newest.id)) {
    *entry = {std::move(newest), std::move(verification)};
  }
}

void CorrectionService::observe(const Snapshot& snapshot) {
  planner_.forget_gone(snapshot);
  std::vector<CorrectionBook::Entry> verifying;
  {
    const std::lock_guard lock(mutex_);
    book_.forget_old();
    // A VM that has ended leaves no series behind; what it ended in the middle of counts below.
    std::erase_if(counts_.vms, [&](const auto& of_vm) {
      return std::ranges::find(snapshot.vms, of_vm.first, &VmState::label) == snapshot.vms.end();
    });
    verifying = book_.verifying();
  }
  for (CorrectionBook::Entry& entry : verifying) {
    entry.verification->look(entry.correction, find_vm(&snapshot, entry.correction.plan.vm),
                             {parts_.clock, parts_.clocks, options_.verify_deadline});
    if (entry.correction.state == CorrectionState::kDone) {
      parts_.wrote(entry.correction.plan.vm);
      publish(entry.correction, "finished", entry.verification);
    } else {
      const std::lock_guard lock(mutex_);
      *book_.find(entry.correction.id) = entry;
    }
  }
}

}  // namespace kvmtsc
