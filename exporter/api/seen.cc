#include "exporter/api/seen.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/rfc3339.h"
#include "corrections/correction_json.h"
#include "corrections/event_summary.h"
#include "corrections/json_values.h"
#include "exporter/api/vm_lookup.h"

namespace kvmtsc {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<const char*, 10> kForAll{
    "id", "vm", "uuid", "state", "verdict", "requested", "written", "finished", "undo_of", "redo"};

bool is_operator(const http::Principal& principal) {
  return principal.role == http::Role::kOperator;
}

Json to_json(const EventSummary& summary) {
  const auto& jump = summary.largest_jump;
  return {{"plan", or_null(summary.plan)},
          {"goal", or_null(summary.goal)},
          {"largest_jump_ticks",
           or_null(jump, [](const auto& known) { return std::to_string(known.ticks); })},
          {"largest_jump_seconds", jump ? or_null(jump->seconds) : Json(nullptr)},
          {"objections", summary.objections},
          {"reason", or_null(summary.reason)},
          {"undo_of", or_null(summary.undo_of)},
          {"redo", summary.redo},
          {"verdict", or_null(summary.verdict)},
          {"error", or_null(summary.error)}};
}

}  // namespace

SnapshotPtr seen_by(const http::Principal& principal, SnapshotPtr snapshot) {
  if (snapshot == nullptr || principal.scope.names.empty()) {
    return snapshot;
  }
  auto seen = std::make_shared<Snapshot>(*snapshot);
  std::erase_if(seen->vms, [&](const VmState& vm) {
    return !scope_names(principal.scope, vm.label, vm.identity.uuid);
  });
  if (seen->corrections) {
    std::erase_if(seen->corrections->vms, [&](const auto& counted) {
      return std::ranges::find(seen->vms, counted.first, &VmState::label) == seen->vms.end();
    });
  }
  return seen;
}

std::string correction_seen_by(const http::Principal& principal, const std::string& json) {
  if (is_operator(principal) && principal.scope.names.empty()) {
    return json;
  }
  const Json whole = Json::parse(json, nullptr, false);
  if (!whole.is_object() || !scope_names(principal.scope, whole.value("vm", std::string()),
                                         whole.value("uuid", std::string()))) {
    return "";
  }
  if (is_operator(principal)) {
    return json;
  }
  Json part = Json::object();
  for (const char* const name : kForAll) {
    if (whole.contains(name)) {
      part[name] = whole[name];
    }
  }
  return dump(part);
}

Json event_seen_by(const http::Principal& principal, const JournalEvent& event) {
  Json details = Json::parse(event.details, nullptr, false);
  const EventSummary summary = summary_of(event.what, details);
  Json json{{"sequence", std::to_string(event.sequence)},
            {"at", rfc3339(event.at)},
            {"what", event.what},
            {"correction", event.correction.empty() ? Json(nullptr) : Json(event.correction)},
            {"vm", event.vm},
            {"vm_uuid", event.vm_uuid},
            {"verdict", or_null(summary.verdict)}};
  if (is_operator(principal)) {
    json["who"] = event.who;
    json["from"] = event.from;
    json["summary"] = to_json(summary);
    json["details"] = details.is_discarded() ? Json(nullptr) : std::move(details);
  }
  return json;
}

}  // namespace kvmtsc
