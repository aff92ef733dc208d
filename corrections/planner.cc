#include "corrections/planner.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "tsc/plan_objections.h"

namespace kvmtsc {
namespace {

std::string in_words(const std::vector<ObjectionFound>& objections) {
  std::string text;
  for (const ObjectionFound& found : objections) {
    text += (text.empty() ? "" : "; ") + std::string(objection_name(found.objection)) + ": " +
            found.detail;
  }
  return text;
}

Error not_read_since(const VmState& vm) {
  Error error{ErrorKind::kConflict, vm.label + ": it was not read again since its last correction",
              "ask again after the next sweep"};
  error.retry_after = std::chrono::seconds(1);
  return error;
}

}  // namespace

bool same_offsets(const CorrectionPlan& a, const CorrectionPlan& b) {
  return std::ranges::equal(a.vcpus, b.vcpus, [](const PlannedVcpu& x, const PlannedVcpu& y) {
    return x.id == y.id && x.now == y.now;
  });
}

const VmState* find_vm(const Snapshot* snapshot, const VmKey& key) {
  if (snapshot == nullptr) {
    return nullptr;
  }
  const auto found = std::ranges::find(snapshot->vms, key, &VmState::key);
  return found == snapshot->vms.end() ? nullptr : &*found;
}

Error changed_since(const VmName& vm, const char* what) {
  return Error{ErrorKind::kConflict, vm.label + ": its offsets have changed since " + what,
               "make a new plan and look at it"};
}

Result<PlanRecord> Planner::make(const VmKey& key, const CorrectionGoal& goal) const {
  const SnapshotPtr snapshot = parts_.latest();
  const VmState* const vm = find_vm(snapshot.get(), key);
  if (vm == nullptr) {
    return Error{ErrorKind::kGone, "the VM is not there any more", {}};
  }
  PlanConditions conditions;
  conditions.max_step = max_step_;
  conditions.migrating = parts_.migrating(vm->identity);
  std::optional<MonotonicTime> written;
  {
    const std::lock_guard lock(mutex_);
    if (protected_.contains(key)) {
      conditions.writes_ignored = "KVM accepted an earlier write of this VM and ignored it";
    }
    if (const auto found = written_.find(key); found != written_.end()) {
      written = found->second;
    }
  }
  if (conditions.writes_ignored.empty() && parts_.writer != nullptr) {
    conditions.writes_ignored = parts_.writer->why_ignored(attach_target(vm->key, vm->identity));
  }
  if (written && vm->reading && vm->reading->taken <= *written) {
    return not_read_since(*vm);
  }
  conditions.clock_counts = !written || vm->clock_taken > *written;
  auto plan = plan_correction(*vm, snapshot->sequence, conditions, goal);
  if (!plan) {
    return plan.error();
  }
  add_foreseen(*vm, *plan);
  PlanRecord planned;
  planned.id = random_id("p-");
  planned.vm = {vm->label, vm->identity.uuid, vm->identity.pid};
  planned.plan = *std::move(plan);
  planned.planned = parts_.clock->realtime();
  planned.made = parts_.clock->monotonic();
  planned.expires = {planned.planned.since_epoch + lifetime_};
  return planned;
}

void Planner::add_foreseen(const VmState& vm, CorrectionPlan& plan) const {
  if (parts_.writer == nullptr) {
    return;
  }
  std::vector<VcpuId> vcpus;
  std::ranges::transform(plan.vcpus, std::back_inserter(vcpus), &PlannedVcpu::id);
  auto foreseen = parts_.writer->foresee(attach_target(vm.key, vm.identity), vcpus);
  if (foreseen) {
    plan.timers_left = std::move(foreseen->timers);
  } else if (!plan.obstacle) {
    plan.obstacle = foreseen.error();
  }
}

Status Planner::check(const PlanRecord& planned, const std::set<Objection>& allowed) const {
  const auto fresh = make(planned.plan.vm, planned.plan.goal);
  if (!fresh) {
    return fresh.error();
  }
  const bool same = same_offsets(fresh->plan, planned.plan);
  // Of a VM that does not hold still a new plan would be no better, and that is what is to be said.
  if (!same && !is_changing(planned.plan.vm)) {
    return changed_since(planned.vm, "the plan was made");
  }
  if (fresh->plan.obstacle) {
    return *fresh->plan.obstacle;
  }
  if (const auto standing = standing_objections(fresh->plan, allowed); !standing.empty()) {
    return Error{ErrorKind::kRefused, in_words(standing),
                 "if that is what you want, allow each of these by name"};
  }
  return same ? ok_status() : Status(changed_since(planned.vm, "the plan was made"));
}

bool Planner::is_changing(const VmKey& key) const {
  const SnapshotPtr snapshot = parts_.latest();
  const VmState* const vm = find_vm(snapshot.get(), key);
  return vm != nullptr && vm->reading && vm->reading->trust == Trust::kChanging;
}

void Planner::wrote(const VmKey& vm) {
  const MonotonicTime now = parts_.clock->monotonic();
  const std::lock_guard lock(mutex_);
  written_[vm] = now;
}

void Planner::remember_protected(const VmKey& vm) {
  const std::lock_guard lock(mutex_);
  protected_.insert(vm);
}

void Planner::forget_gone(const Snapshot& snapshot) {
  const std::lock_guard lock(mutex_);
  const auto is_gone = [&](const VmKey& key) { return find_vm(&snapshot, key) == nullptr; };
  std::erase_if(protected_, is_gone);
  std::erase_if(written_, [&](const auto& entry) { return is_gone(entry.first); });
}

}  // namespace kvmtsc
