#include "corrections/correction_service.h"

#include <algorithm>
#include <array>
#include <random>
#include <utility>

#include <nlohmann/json.hpp>

#include "corrections/correction_json.h"

namespace kvmtsc {
namespace {

constexpr std::size_t kPlansKept = 256;
constexpr std::size_t kCorrectionsKept = 1000;
constexpr Nanoseconds kRateWindow = std::chrono::hours(1);
// Two readings agree with each other only when the vCPUs had time to run between them.
constexpr Nanoseconds kSpacing = std::chrono::milliseconds(400);
constexpr Nanoseconds kClockDeadline = std::chrono::milliseconds(100);

// Unguessable, so that a plan's id also proves that somebody saw the plan.
std::string random_id(const char* prefix) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::random_device random;
  std::string id = prefix;
  for (int i = 0; i < 16; ++i) {
    id += kDigits[random() % kDigits.size()];
  }
  return id;
}

const VmState* find_vm(const Snapshot* snapshot, const VmKey& key) {
  if (snapshot == nullptr) {
    return nullptr;
  }
  const auto found = std::ranges::find(snapshot->vms, key, &VmState::key);
  return found == snapshot->vms.end() ? nullptr : &*found;
}

VmName name_of(const VmState& vm) {
  return {vm.label, vm.identity.uuid, vm.identity.pid};
}

bool same_offsets(const CorrectionPlan& a, const CorrectionPlan& b) {
  return std::ranges::equal(a.vcpus, b.vcpus, [](const PlannedVcpu& x, const PlannedVcpu& y) {
    return x.id == y.id && x.now == y.now;
  });
}

// Only then will KVM grant a master clock.
bool one_offset_for_all(const CorrectionPlan& plan) {
  return std::ranges::all_of(
      plan.vcpus, [&](const PlannedVcpu& vcpu) { return vcpu.then == plan.vcpus.front().then; });
}

bool was_written(const Correction& correction) {
  return correction.written.has_value();
}

std::string in_words(const std::vector<ObjectionFound>& objections) {
  std::string text;
  for (const ObjectionFound& found : objections) {
    text += (text.empty() ? "" : "; ") + std::string(objection_name(found.objection)) + ": " +
            found.detail;
  }
  return text;
}

Error changed_since(const VmName& vm) {
  return Error{ErrorKind::kConflict,
               vm.label + ": its offsets have changed since the plan was made",
               "make a new plan and look at it"};
}

}  // namespace

CorrectionService::CorrectionService(CorrectionOptions options, Parts parts)
    : options_(options), parts_(std::move(parts)) {}

Status CorrectionService::record(const char* what, const VmName& vm, const Requester& requester,
                                 const std::string& details, const Correction* correction) const {
  JournalEvent event;
  event.at = parts_.clock->realtime();
  event.what = what;
  event.vm = vm.label;
  event.vm_uuid = vm.uuid;
  event.who = requester.who;
  event.from = requester.from;
  event.details = details;
  std::optional<JournalCorrection> row;
  if (correction != nullptr) {
    event.correction = correction->id;
    row = JournalCorrection{correction->id, vm.label, correction->state == CorrectionState::kDone,
                            dump(to_json(*correction))};
  }
  return parts_.journal->record(event, row);
}

Status CorrectionService::recover() {
  const auto unfinished = parts_.journal->unfinished();
  if (!unfinished) {
    return unfinished.error();
  }
  for (const JournalCorrection& left : *unfinished) {
    JournalEvent event;
    event.at = parts_.clock->realtime();
    event.what = "interrupted";
    event.correction = left.id;
    event.vm = left.vm;
    event.details = interrupted_json(left.json, event.at);
    if (auto recorded =
            parts_.journal->record(event, JournalCorrection{left.id, left.vm, true, event.details});
        !recorded) {
      return recorded;
    }
    const std::lock_guard lock(mutex_);
    ++counts_.interrupted;
  }
  return ok_status();
}

Result<PlanRecord> CorrectionService::make_plan(const VmKey& key,
                                                const CorrectionGoal& goal) const {
  const SnapshotPtr snapshot = parts_.latest();
  const VmState* const vm = find_vm(snapshot.get(), key);
  if (vm == nullptr) {
    return Error{ErrorKind::kGone, "the VM is not there any more", {}};
  }
  PlanConditions conditions;
  conditions.max_step = options_.max_step;
  conditions.migrating = parts_.migrating(vm->identity);
  {
    const std::lock_guard lock(mutex_);
    conditions.tsc_protected = protected_.contains(key);
  }
  auto plan = plan_correction(*vm, snapshot->sequence, conditions, goal);
  if (!plan) {
    return plan.error();
  }
  PlanRecord planned;
  planned.id = random_id("p-");
  planned.vm = name_of(*vm);
  planned.plan = *std::move(plan);
  planned.planned = parts_.clock->realtime();
  planned.made = parts_.clock->monotonic();
  planned.expires = {planned.planned.since_epoch + options_.plan_lifetime};
  return planned;
}

Result<PlanRecord> CorrectionService::preview(const VmKey& vm, const CorrectionGoal& goal) const {
  return make_plan(vm, goal);
}

Result<PlanRecord> CorrectionService::plan(const VmKey& vm, const CorrectionGoal& goal,
                                           const Requester& requester) {
  auto planned = make_plan(vm, goal);
  if (!planned) {
    return planned.error();
  }
  if (auto recorded = record("planned", planned->vm, requester, dump(to_json(*planned)));
      !recorded) {
    return recorded.error();
  }
  const std::lock_guard lock(mutex_);
  plans_[planned->id] = *planned;
  plan_order_.push_back(planned->id);
  if (plan_order_.size() > kPlansKept) {
    plans_.erase(plan_order_.front());
    plan_order_.pop_front();
  }
  return planned;
}

std::optional<PlanRecord> CorrectionService::find_plan(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = plans_.find(id);
  if (found == plans_.end() ||
      parts_.clock->monotonic() - found->second.made > options_.plan_lifetime) {
    return std::nullopt;
  }
  return found->second;
}

// Time has passed since the plan: the VM, what speaks against it and its offsets are looked at
// anew.
Status CorrectionService::check_allowed(const CorrectionRequest& request,
                                        const PlanRecord& planned) const {
  if (!options_.enabled || parts_.writer == nullptr) {
    return Error{ErrorKind::kPermission, "corrections are off",
                 "start the service with --correction.enabled and --attach.mode=correct"};
  }
  const auto fresh = make_plan(planned.plan.vm, planned.plan.goal);
  if (!fresh) {
    return fresh.error();
  }
  if (!same_offsets(fresh->plan, planned.plan)) {
    return changed_since(planned.vm);
  }
  if (const auto standing = standing_objections(fresh->plan, request.allowed); !standing.empty()) {
    return Error{ErrorKind::kRefused, in_words(standing),
                 "if that is what you want, allow each of these by name"};
  }
  return ok_status();
}

// With mutex_ held.
Status CorrectionService::check_limits(const VmKey& vm, MonotonicTime now) {
  for (const auto& [id, tracked] : corrections_) {
    if (tracked.correction.plan.vm == vm && tracked.correction.state != CorrectionState::kDone) {
      return Error{ErrorKind::kConflict, "correction " + id + " of this VM is under way",
                   "wait for its verdict"};
    }
  }
  std::size_t on_host = 0;
  for (auto& [key, times] : begun_) {
    while (!times.empty() && now - times.front() >= kRateWindow) {
      times.pop_front();
    }
    on_host += times.size();
  }
  std::erase_if(begun_, [](const auto& entry) { return entry.second.empty(); });
  if (begun_.contains(vm) && begun_[vm].size() >= options_.per_vm_per_hour) {
    return Error{ErrorKind::kLimited,
                 std::to_string(options_.per_vm_per_hour) + " corrections of this VM in an hour",
                 "find out what moves its offsets; the limit is correction.per_vm_per_hour"};
  }
  if (on_host >= options_.per_host_per_hour) {
    return Error{
        ErrorKind::kLimited,
        std::to_string(options_.per_host_per_hour) + " corrections on this host in an hour",
        "find out what moves the offsets; the limit is correction.per_host_per_hour"};
  }
  return ok_status();
}

Result<Correction> CorrectionService::accept(const CorrectionRequest& request,
                                             const PlanRecord& planned,
                                             const std::optional<std::string>& undo_of) {
  if (auto allowed = check_allowed(request, planned); !allowed) {
    return allowed.error();
  }
  Correction correction;
  correction.id = random_id("c-");
  correction.vm = planned.vm;
  correction.plan = planned.plan;
  correction.allowed = request.allowed;
  correction.reason = request.reason;
  correction.requester = request.requester;
  correction.requested = parts_.clock->realtime();
  correction.undo_of = undo_of;
  const MonotonicTime now = parts_.clock->monotonic();
  // Held across the journal, so that of two engineers at once only one is recorded as accepted.
  const std::lock_guard lock(mutex_);
  if (auto within = check_limits(planned.plan.vm, now); !within) {
    return within.error();
  }
  if (auto recorded = record("requested", correction.vm, correction.requester,
                             dump(to_json(correction)), &correction);
      !recorded) {
    return recorded.error();
  }
  begun_[planned.plan.vm].push_back(now);
  corrections_[correction.id].correction = correction;
  order_.push_back(correction.id);
  queue_.push_back(correction.id);
  return correction;
}

Result<Correction> CorrectionService::request(const CorrectionRequest& request) {
  const auto planned = find_plan(request.plan_id);
  if (!planned) {
    return Error{ErrorKind::kNotFound,
                 "there is no plan " + request.plan_id + ", or it has expired", "make a new plan"};
  }
  auto accepted = accept(request, *planned, {});
  if (accepted) {
    parts_.wake();
  } else {
    refuse(planned->vm, request.requester, accepted.error());
  }
  return accepted;
}

void CorrectionService::refuse(const VmName& vm, const Requester& requester, const Error& error) {
  {
    const std::lock_guard lock(mutex_);
    ++counts_.refused;
  }
  // A refusal stands whether or not it could be written down.
  static_cast<void>(record("refused", vm, requester, dump({{"error", to_json(error)}})));
}

Result<CorrectionGoal> CorrectionService::way_back(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = corrections_.find(id);
  if (found == corrections_.end()) {
    return Error{ErrorKind::kNotFound,
                 "there is no correction " + id + " since the service started",
                 "plan a `restore` of the offsets that its record says were there before"};
  }
  const Correction& correction = found->second.correction;
  if (correction.state != CorrectionState::kDone) {
    return Error{ErrorKind::kConflict, "correction " + id + " is under way",
                 "wait for its verdict"};
  }
  if (!was_written(correction) || !correction.report) {
    return Error{ErrorKind::kConflict, "correction " + id + " changed nothing", {}};
  }
  for (auto later = order_.rbegin(); later != order_.rend() && *later != id; ++later) {
    const Correction& other = corrections_.at(*later).correction;
    if (other.plan.vm == correction.plan.vm && was_written(other)) {
      return Error{ErrorKind::kConflict, "correction " + *later + " of this VM came later",
                   "undo that one first"};
    }
  }
  RestoreGoal goal;
  for (const VcpuWrite& vcpu : correction.report->vcpus) {
    goal.vcpus.push_back({vcpu.id, vcpu.before.value_or(0)});
  }
  return CorrectionGoal{goal};
}

Result<Correction> CorrectionService::undo(const std::string& id,
                                           const std::set<Objection>& allowed,
                                           const std::string& reason, const Requester& requester) {
  const auto done = find(id);
  const auto goal = way_back(id);
  if (!goal) {
    refuse(done ? done->vm : VmName{}, requester, goal.error());
    return goal.error();
  }
  auto planned = plan(done->plan.vm, *goal, requester);
  if (!planned) {
    return planned.error();
  }
  const bool unchanged = std::ranges::equal(planned->plan.vcpus, done->plan.vcpus,
                                            [](const PlannedVcpu& now, const PlannedVcpu& then) {
                                              return now.id == then.id && now.now == then.then;
                                            });
  auto accepted = unchanged ? accept({planned->id, allowed, reason, requester}, *planned, id)
                            : Result<Correction>(changed_since(done->vm));
  if (accepted) {
    parts_.wake();
  } else {
    refuse(done->vm, requester, accepted.error());
  }
  return accepted;
}

std::optional<Correction> CorrectionService::find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = corrections_.find(id);
  return found == corrections_.end() ? std::nullopt : std::optional{found->second.correction};
}

CorrectionCounts CorrectionService::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

// Makes the newest state visible and records it. Once something is written the journal's failure
// can only be told.
void CorrectionService::publish(const Correction& correction, const char* what) {
  Correction newest = correction;
  if (auto recorded = record(what, newest.vm, newest.requester, dump(to_json(newest)), &newest);
      !recorded && !newest.error) {
    newest.error = recorded.error();
  }
  const std::lock_guard lock(mutex_);
  if (newest.state == CorrectionState::kDone) {
    CorrectionCounts::OfVm& of_vm = counts_.vms[newest.vm.label];
    ++of_vm.finished;
    of_vm.failed += newest.verdict == Verdict::kCorrected ? 0U : 1U;
  }
  corrections_[newest.id].correction = std::move(newest);
}

std::optional<std::string> CorrectionService::take_queued() {
  const std::lock_guard lock(mutex_);
  if (queue_.empty()) {
    return std::nullopt;
  }
  std::string id = std::move(queue_.front());
  queue_.pop_front();
  return id;
}

void CorrectionService::run_queued() {
  while (const auto id = take_queued()) {
    apply(*id);
  }
}

void CorrectionService::apply(const std::string& id) {
  Correction correction = *find(id);
  const SnapshotPtr snapshot = parts_.latest();
  const VmState* const vm = find_vm(snapshot.get(), correction.plan.vm);
  correction.state = CorrectionState::kApplying;
  const Status recorded = record("applying", correction.vm, correction.requester,
                                 dump(to_json(correction)), &correction);
  if (!recorded || vm == nullptr) {
    correction.error =
        recorded ? Error{ErrorKind::kGone, "the VM is not there any more", {}} : recorded.error();
    finish(correction, Verdict::kNotApplied);
    publish(correction, "finished");
    return;
  }
  std::vector<WantedOffset> wanted;
  for (const PlannedVcpu& vcpu : correction.plan.vcpus) {
    wanted.push_back({vcpu.id, vcpu.then, vcpu.now});
  }
  const auto report = parts_.writer->write(attach_target(vm->key, vm->identity), wanted,
                                           parts_.clock->monotonic() + options_.write_deadline);
  settle(correction, report);
  {
    const std::lock_guard lock(mutex_);
    Tracked& tracked = corrections_[id];
    tracked.written = tracked.last_seen = parts_.clock->monotonic();
    if (report) {
      for (const VcpuWrite& vcpu : report->vcpus) {
        counts_.held.observe(vcpu.held);
      }
    }
  }
  publish(correction, correction.state == CorrectionState::kDone ? "finished" : "written");
}

void CorrectionService::settle(Correction& correction, const Result<WriteReport>& report) {
  if (!report) {
    correction.error = report.error();
    finish(correction, Verdict::kNotApplied);
    return;
  }
  correction.report = *report;
  correction.error = report->failure;
  correction.facts.read_back_equal = std::ranges::all_of(report->vcpus, &VcpuWrite::applied);
  const bool ignored = std::ranges::all_of(report->vcpus, [](const VcpuWrite& vcpu) {
    return vcpu.accepted && vcpu.read_back && (vcpu.applied() || vcpu.read_back == vcpu.before);
  });
  switch (report->outcome) {
    case WriteOutcome::kApplied:
      correction.written = parts_.clock->realtime();
      correction.state = CorrectionState::kVerifying;
      break;
    case WriteOutcome::kRolledBack:
      if (ignored) {
        const std::lock_guard lock(mutex_);
        protected_.insert(correction.plan.vm);
      }
      finish(correction, ignored ? Verdict::kNotApplied : Verdict::kRolledBack);
      break;
    case WriteOutcome::kUncertain:
      correction.written = parts_.clock->realtime();
      finish(correction, Verdict::kUncertain);
      break;
  }
}

void CorrectionService::finish(Correction& correction, Verdict verdict) const {
  correction.state = CorrectionState::kDone;
  correction.verdict = verdict;
  correction.finished = parts_.clock->realtime();
}

void CorrectionService::observe(const Snapshot& snapshot) {
  std::vector<Tracked> verifying;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(protected_, [&](const VmKey& key) { return find_vm(&snapshot, key) == nullptr; });
    while (order_.size() > kCorrectionsKept &&
           corrections_[order_.front()].correction.state == CorrectionState::kDone) {
      corrections_.erase(order_.front());
      order_.erase(order_.begin());
    }
    for (const auto& [id, tracked] : corrections_) {
      if (tracked.correction.state == CorrectionState::kVerifying) {
        verifying.push_back(tracked);
      }
    }
  }
  for (Tracked& tracked : verifying) {
    verify(tracked, snapshot);
    if (tracked.correction.state == CorrectionState::kDone) {
      publish(tracked.correction, "finished");
    } else {
      const std::lock_guard lock(mutex_);
      corrections_[tracked.correction.id] = tracked;
    }
  }
}

void CorrectionService::verify(Tracked& tracked, const Snapshot& snapshot) {
  Correction& correction = tracked.correction;
  const VmState* const vm = find_vm(&snapshot, correction.plan.vm);
  if (vm == nullptr) {
    correction.facts.why_unknown =
        "the VM ended, or could not be read, before it could be verified";
    correction.error = Error{ErrorKind::kGone, correction.facts.why_unknown, {}};
    finish(correction, Verdict::kUncertain);
    return;
  }
  look_at_offsets(tracked, *vm);
  look_at_master_clock(correction, *vm);
  if (tracked.disagreeing >= 2) {
    correction.facts.offsets_equal = false;
    correction.error =
        Error{ErrorKind::kConflict, "two later readings found other offsets than those written",
              "something else writes them: the guest, the VMM or KVM; look at the "
              "VM before you correct it again"};
    finish(correction, Verdict::kUncertain);
    return;
  }
  // Confirmed as well, so that /metrics has it too, and an undo need not wait.
  const bool agreed = tracked.agreeing >= 2 && offsets_confirmed(*vm);
  if (agreed) {
    correction.facts.offsets_equal = true;
  }
  const bool clock_settled =
      correction.facts.master_clock == true || !one_offset_for_all(correction.plan);
  const bool out_of_time = parts_.clock->monotonic() - tracked.written >= options_.verify_deadline;
  if (agreed && (clock_settled || out_of_time)) {
    finish(correction, Verdict::kCorrected);
  } else if (out_of_time) {
    correction.error = Error{ErrorKind::kTimeout, "no two later readings could be believed in time",
                             "look at the VM's offsets and trust"};
    finish(correction, Verdict::kUncertain);
  }
}

void CorrectionService::look_at_offsets(Tracked& tracked, const VmState& vm) const {
  if (!vm.reading || vm.reading->trust != Trust::kTrusted ||
      vm.reading->taken - tracked.last_seen < kSpacing) {
    return;
  }
  tracked.last_seen = vm.reading->taken;
  const auto& planned = tracked.correction.plan.vcpus;
  const bool equal = std::ranges::all_of(planned, [&](const PlannedVcpu& wanted) {
    const auto found = std::ranges::find(vm.reading->vcpus, wanted.id, &VcpuReading::id);
    return found != vm.reading->vcpus.end() && found->offset == wanted.then;
  });
  tracked.agreeing = equal ? tracked.agreeing + 1 : 0;
  tracked.disagreeing = equal ? 0 : tracked.disagreeing + 1;
}

void CorrectionService::look_at_master_clock(Correction& correction, const VmState& vm) const {
  if (correction.facts.master_clock == true || parts_.clocks == nullptr) {
    return;
  }
  const auto reading = parts_.clocks->read_clock(attach_target(vm.key, vm.identity),
                                                 parts_.clock->monotonic() + kClockDeadline);
  if (!reading) {
    correction.facts.why_unknown = "master clock: " + reading.error().text();
    return;
  }
  correction.facts.master_clock = reading->triple.master_clock();
  correction.facts.why_unknown.clear();
}

}  // namespace kvmtsc
