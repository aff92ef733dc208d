#include "exporter/api/vm_json.h"

#include <algorithm>
#include <cmath>

#include "base/rfc3339.h"
#include "corrections/correction_json.h"
#include "corrections/json_values.h"

namespace kvmtsc {
namespace {

Json error_json(const std::optional<Error>& error) {
  return or_null(error, [](const Error& known) { return to_json(known); });
}

// Ticks of the reference vCPU in seconds of the guest.
Json seconds_of(double ticks, const std::optional<Frequency>& frequency) {
  return or_null(frequency, [&](const Frequency& known) { return ticks / known.hertz; });
}

// Null where the answer is known, and where nobody asks.
Json why_no_master_clock(const VmState& vm) {
  if (vm.clock) {
    return vm.never_ran ? Json("no vCPU has run yet; KVM decides when they do") : Json(nullptr);
  }
  return vm.clock_error ? Json(vm.clock_error->message) : Json(nullptr);
}

const char* verdict_name(CallVerdict::Kind kind) {
  switch (kind) {
    case CallVerdict::Kind::kUnknown:
      return "unknown";
    case CallVerdict::Kind::kUnfiltered:
      return "unfiltered";
    case CallVerdict::Kind::kAllowed:
      return "allowed";
    case CallVerdict::Kind::kDenied:
      return "denied";
  }
  return "";
}

Json call_filters_json(const CallFilters& filters) {
  const auto verdict = [](const CallVerdict& of) {
    return Json{{"verdict", verdict_name(of.kind)}, {"error", error_json(of.why)}};
  };
  return {{"clock", verdict(filters.clock)}, {"corrections", verdict(filters.corrections)}};
}

Json clock_json(const ClockTriple& clock) {
  return {{"host_tsc", std::to_string(clock.host_tsc)},
          {"kvmclock_ns", std::to_string(clock.kvmclock_ns)},
          {"realtime", rfc3339(clock.realtime)},
          {"flags", clock.flags},
          {"bound_ns", std::to_string(clock.bound.count())},
          {"bracketed", clock.bracketed}};
}

Json vcpu_json(const VmState& vm, std::size_t index) {
  const VcpuReading& vcpu = vm.reading->vcpus[index];
  Json json{
      {"id", vcpu.id},
      {"offset", std::to_string(vcpu.offset)},
      {"ratio",
       {{"value", std::to_string(vcpu.ratio.value)}, {"fraction_bits", vcpu.ratio.fraction_bits}}},
      {"trust", trust_name(vcpu.trust)},
      {"skew_ticks", nullptr},
      {"skew_seconds", nullptr},
      {"drift", nullptr},
      {"steps", nullptr}};
  if (vm.skew) {
    const auto skew = std::ranges::find(vm.skew->vcpus, vcpu.id, &VcpuSkew::id);
    if (skew != vm.skew->vcpus.end()) {
      json["skew_ticks"] = std::to_string(skew->ticks);
      json["skew_seconds"] = seconds_of(static_cast<double>(skew->ticks), vm.frequency);
      json["drift"] = skew->drift;
    }
  }
  const auto steps = std::ranges::find(vm.steps, vcpu.id, &VcpuSteps::id);
  if (steps != vm.steps.end()) {
    json["steps"] = std::to_string(steps->count);
  }
  return json;
}

}  // namespace

Json summary_json(const VmState& vm) {
  Json json{{"vm", vm.label},
            {"uuid", vm.identity.uuid},
            {"pid", vm.identity.pid == 0 ? Json(nullptr) : Json(vm.identity.pid)},
            {"held_by", vm.identity.holder == 0 ? Json(nullptr) : Json(vm.identity.holder)},
            {"fd", vm.key.fd},
            {"directory", directory_name(vm.key)},
            {"vmm", vm.identity.vmm},
            {"source", vm.source},
            {"vcpu_count", nullptr},
            {"trust", nullptr},
            {"trust_reason", nullptr},
            {"reference", nullptr},
            {"spread_ticks", nullptr},
            {"spread_seconds", nullptr},
            {"bound_ticks", nullptr},
            {"master_clock", or_null(master_clock(vm))},
            {"master_clock_reason", why_no_master_clock(vm)},
            {"frequency_hertz", or_null(vm.frequency, [](const auto& f) { return f.hertz; })},
            {"kvmclock_divergence_seconds",
             or_null(vm.divergence, [](const auto& d) { return d.seconds; })},
            {"error", error_json(vm.error)},
            {"clock_error", error_json(vm.clock_error)},
            {"process_error", error_json(vm.identity.process_unknown)},
            {"seccomp", or_null(vm.call_filters, call_filters_json)}};
  if (vm.reading) {
    json["vcpu_count"] = vm.reading->vcpus.size() + vm.reading->unreadable.size();
    json["trust"] = trust_name(vm.reading->trust);
    json["trust_reason"] = vm.trust_reason.empty() ? Json(nullptr) : Json(vm.trust_reason);
  }
  if (vm.skew) {
    json["reference"] = vm.skew->reference;
    json["spread_ticks"] = std::to_string(vm.skew->spread_ticks);
    json["spread_seconds"] = seconds_of(static_cast<double>(vm.skew->spread_ticks), vm.frequency);
    json["bound_ticks"] = std::to_string(vm.skew->bound_ticks);
  }
  return json;
}

Json details_json(const VmState& vm, const Snapshot& snapshot) {
  Json json = summary_json(vm);
  json["sequence"] = std::to_string(snapshot.sequence);
  json["taken"] = rfc3339(snapshot.taken_real);
  json["frequency_bound_hertz"] =
      or_null(vm.frequency, [](const auto& f) { return f.bound_hertz; });
  json["tsc_khz"] = or_null(vm.tsc_khz);
  json["told_frequency_error_ppm"] =
      or_null(told_frequency_error(vm), [](double error) { return error * 1e6; });
  json["told_frequency_tolerated"] = or_null(
      told_frequency_error(vm), [](double error) { return std::abs(error) <= kToldTolerance; });
  json["clock"] = or_null(vm.clock, clock_json);
  json["kvmclock_divergence_bound_seconds"] =
      or_null(vm.divergence, [](const auto& d) { return d.bound_seconds; });
  json["vcpus"] = Json::array();
  json["unreadable"] = Json::array();
  if (vm.reading) {
    for (std::size_t i = 0; i < vm.reading->vcpus.size(); ++i) {
      json["vcpus"].push_back(vcpu_json(vm, i));
    }
    for (const VcpuProblem& problem : vm.reading->unreadable) {
      json["unreadable"].push_back({{"id", problem.id}, {"error", to_json(problem.error)}});
    }
  }
  return json;
}

namespace {

Json names_of_objections() {
  Json names = Json::array();
  for (const Objection objection : kEveryObjection) {
    names.push_back(objection_name(objection));
  }
  return names;
}

}  // namespace

Json host_json(const Snapshot& snapshot, const ApiFacts& facts, const http::Principal& you) {
  const HostClock& host = snapshot.host;
  Json collectors = Json::array();
  for (const CollectorStatus& collector : snapshot.collectors) {
    collectors.push_back({{"name", collector.name},
                          {"success", collector.success},
                          {"duration_seconds", in_seconds(collector.duration)},
                          {"error", error_json(collector.error)}});
  }
  const char* const role = you.role == http::Role::kOperator ? "operator"
                           : you.role == http::Role::kViewer ? "viewer"
                                                             : "nobody";
  return {
      {"version", facts.version},
      {"revision", facts.revision},
      {"clocksource", host.clocksource},
      {"tsc_stable", host.tsc_is_stable()},
      {"tsc_flags", host.tsc_flags},
      {"tsc_frequency_hertz", or_null(host.tsc_frequency, [](const auto& f) { return f.hertz; })},
      {"tsc_frequency_bound_hertz",
       or_null(host.tsc_frequency, [](const auto& f) { return f.bound_hertz; })},
      {"synchronized", or_null(host.synchronized)},
      {"realtime_bound_seconds", or_null(host.realtime_bound, in_seconds)},
      {"sweep",
       {{"sequence", std::to_string(snapshot.sequence)},
        {"taken", rfc3339(snapshot.taken_real)},
        {"interval_seconds", in_seconds(facts.sweep_interval)}}},
      {"attach_mode", facts.attach_mode},
      {"corrections",
       {{"enabled", facts.corrections_enabled},
        {"max_step_seconds", in_seconds(facts.max_step)},
        {"objections", names_of_objections()},
        {"audit_writable", or_null(facts.audit, [](const Status& audit) { return audit.ok(); })},
        {"audit_error",
         facts.audit && !*facts.audit ? to_json(facts.audit->error()) : Json(nullptr)}}},
      {"collectors", collectors},
      {"you", {{"name", you.name}, {"role", role}}}};
}

}  // namespace kvmtsc
