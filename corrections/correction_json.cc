#include "corrections/correction_json.h"

#include <nlohmann/json.hpp>

#include "base/rfc3339.h"
#include "corrections/json_values.h"
#include "tsc/guest_notice.h"

namespace kvmtsc {
namespace {

using Json = nlohmann::ordered_json;

template <typename Integer>
Json digits(Integer value) {
  return std::to_string(value);
}

struct GoalJson {
  Json operator()(const AlignGoal& goal) const {
    return {{"goal", "align"},
            {"to", goal.to == AlignGoal::To::kReference ? "reference" : "most_advanced"}};
  }
  Json operator()(const SetGoal& goal) const {
    Json json{{"goal", "set"}, {"offset", digits(goal.offset)}};
    if (goal.vcpu) {
      json["vcpu"] = *goal.vcpu;
    }
    return json;
  }
  Json operator()(const ShiftGoal& goal) const {
    Json json{{"goal", "shift"}};
    if (goal.ticks) {
      json["ticks"] = digits(*goal.ticks);
    }
    if (goal.time) {
      json["nanoseconds"] = digits(goal.time->count());
    }
    return json;
  }
  Json operator()(const RestoreGoal& goal) const {
    Json offsets = Json::array();
    for (const auto& vcpu : goal.vcpus) {
      offsets.push_back({{"vcpu", vcpu.id}, {"offset", digits(vcpu.offset)}});
    }
    return {{"goal", "restore"}, {"offsets", offsets}, {"bound_ticks", digits(goal.bound_ticks)}};
  }
};

// What a plan says, without whose it is.
Json body_of(const CorrectionPlan& plan) {
  Json vcpus = Json::array();
  for (const PlannedVcpu& vcpu : plan.vcpus) {
    vcpus.push_back({{"id", vcpu.id},
                     {"now", digits(vcpu.now)},
                     {"then", digits(vcpu.then)},
                     {"jump_ticks", digits(vcpu.jump_ticks)},
                     {"jump_seconds", or_null(vcpu.jump_seconds)}});
  }
  return {{"goal", to_json(plan.goal)},
          {"sequence", digits(plan.sequence)},
          {"bound_ticks", digits(plan.bound_ticks)},
          {"frequency_hertz", or_null(plan.frequency, [](const Frequency& f) { return f.hertz; })},
          {"master_clock", or_null(plan.master_clock)},
          {"vcpus", vcpus},
          {"notice", or_null(guest_notice(plan))},
          {"objections", to_json(plan.objections)},
          {"obstacle", or_null(plan.obstacle, [](const Error& e) { return to_json(e); })}};
}

Json json_of_mark(const RequestMark& mark) {
  return {{"key", mark.key}, {"request_sha256", mark.digest}};
}

const char* outcome_name(WriteOutcome outcome) {
  switch (outcome) {
    case WriteOutcome::kApplied:
      return "applied";
    case WriteOutcome::kRolledBack:
      return "rolled_back";
    case WriteOutcome::kUncertain:
      return "uncertain";
  }
  return "";
}

const char* timer_name(const VcpuTimer& timer) {
  switch (timer.state) {
    case VcpuTimer::State::kNone:
      return "none";
    case VcpuTimer::State::kRearmed:
      return "rearmed";
    case VcpuTimer::State::kNotRearmed:
      return "not_rearmed";
  }
  return "";
}

Json why_not_rearmed(const VcpuWrite& vcpu) {
  return vcpu.timer && vcpu.timer->error ? Json(vcpu.timer->error->text()) : Json(nullptr);
}

Json json_of(const WriteReport& report) {
  const auto ticks = [](std::int64_t offset) { return digits(offset); };
  Json vcpus = Json::array();
  for (const VcpuWrite& vcpu : report.vcpus) {
    vcpus.push_back({{"id", vcpu.id},
                     {"wanted", digits(vcpu.wanted)},
                     {"before", or_null(vcpu.before, ticks)},
                     {"accepted", vcpu.accepted},
                     {"read_back", or_null(vcpu.read_back, ticks)},
                     {"after_rollback", or_null(vcpu.after_rollback, ticks)},
                     {"held_seconds", in_seconds(vcpu.held)},
                     {"timer", or_null(vcpu.timer, timer_name)},
                     {"timer_reason", why_not_rearmed(vcpu)},
                     {"error", or_null(vcpu.error, [](const Error& e) { return to_json(e); })}});
  }
  return {{"outcome", outcome_name(report.outcome)},
          {"held_seconds", in_seconds(report.held)},
          {"vcpus", vcpus}};
}

}  // namespace

Json to_json(const Error& error) {
  return {
      {"kind", error_kind_name(error.kind)}, {"message", error.message}, {"remedy", error.remedy}};
}

Json to_json(const CorrectionGoal& goal) {
  return std::visit(GoalJson{}, goal);
}

Json to_json(const std::vector<ObjectionFound>& objections) {
  Json list = Json::array();
  for (const ObjectionFound& found : objections) {
    list.push_back({{"objection", objection_name(found.objection)}, {"detail", found.detail}});
  }
  return list;
}

Json to_json(const PlanRecord& record) {
  Json json{{"id", record.id},
            {"vm", record.vm.label},
            {"uuid", record.vm.uuid},
            {"planned", rfc3339(record.planned)},
            {"expires", rfc3339(record.expires)}};
  json.update(body_of(record.plan));
  return json;
}

Json to_json(const Correction& correction) {
  Json allowed = Json::array();
  for (const Objection objection : correction.allowed) {
    allowed.push_back(objection_name(objection));
  }
  const CorrectionFacts& facts = correction.facts;
  return {{"id", correction.id},
          {"vm", correction.vm.label},
          {"uuid", correction.vm.uuid},
          {"pid", correction.vm.pid},
          {"key",
           {{"creator", correction.plan.vm.creator},
            {"fd", correction.plan.vm.fd},
            {"incarnation", digits(correction.plan.vm.incarnation)}}},
          {"state", correction_state_name(correction.state)},
          {"verdict", or_null(correction.verdict, verdict_name)},
          {"requested", rfc3339(correction.requested)},
          {"written", or_null(correction.written, rfc3339)},
          {"finished", or_null(correction.finished, rfc3339)},
          {"reason", correction.reason},
          {"allowed", allowed},
          {"requester", {{"who", correction.requester.who}, {"from", correction.requester.from}}},
          {"idempotency", or_null(correction.mark, json_of_mark)},
          {"undo_of", or_null(correction.undo_of)},
          {"redo", correction.redo},
          {"plan", body_of(correction.plan)},
          {"report", or_null(correction.report, json_of)},
          {"facts",
           {{"read_back_equal", or_null(facts.read_back_equal)},
            {"offsets_equal", or_null(facts.offsets_equal)},
            {"master_clock", or_null(facts.master_clock)},
            {"why_unknown", facts.why_unknown}}},
          {"error", or_null(correction.error, [](const Error& e) { return to_json(e); })}};
}

std::string dump(const Json& json) {
  // Text from VMMs and clients is made valid where it is taken in; this is for what slipped by.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string interrupted_json(const std::string& unfinished, RealTime now) {
  Json json = Json::parse(unfinished, nullptr, false);
  if (!json.is_object()) {
    return unfinished;
  }
  const std::string state = json.value("state", "");
  Error error{ErrorKind::kIo, "the service ended before anything was written", {}};
  Verdict verdict = Verdict::kNotApplied;
  if (state != correction_state_name(CorrectionState::kQueued)) {
    verdict = Verdict::kUncertain;
    error.message = state == correction_state_name(CorrectionState::kApplying)
                        ? "the service ended while it wrote the offsets"
                        : "the service ended before later readings could agree with what it wrote";
    error.remedy = "compare the VM's offsets with this plan's; undo it, or plan anew";
  }
  json["state"] = correction_state_name(CorrectionState::kDone);
  json["verdict"] = verdict_name(verdict);
  json["finished"] = rfc3339(now);
  json["error"] = to_json(error);
  return dump(json);
}

}  // namespace kvmtsc
