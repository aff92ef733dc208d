#include "corrections/event_summary.h"

#include <nlohmann/json.hpp>

#include "base/parse.h"

namespace kvmtsc {
namespace {

using Json = nlohmann::ordered_json;

const Json& member(const Json& object, const char* name) {
  static const Json kNull;
  const auto found = object.find(name);  // the end where it is no object
  return found == object.end() ? kNull : *found;
}

// Absent when it is no string, and when it is empty.
std::optional<std::string> text(const Json& object, const char* name) {
  const auto* const value = member(object, name).get_ptr<const Json::string_t*>();
  return value == nullptr || value->empty() ? std::nullopt : std::optional{*value};
}

// Of the smallest 64-bit number, too.
std::uint64_t size_of(std::int64_t ticks) {
  const auto bits = static_cast<std::uint64_t>(ticks);
  return ticks < 0 ? -bits : bits;
}

std::optional<EventSummary::Jump> largest_jump(const Json& plan) {
  std::optional<EventSummary::Jump> largest;
  for (const Json& vcpu : member(plan, "vcpus")) {
    const auto digits = text(vcpu, "jump_ticks");
    const auto ticks = digits ? parse_i64(*digits) : std::nullopt;
    if (ticks && (!largest || size_of(*ticks) > size_of(largest->ticks))) {
      const Json& seconds = member(vcpu, "jump_seconds");
      largest = {*ticks, seconds.is_number() ? std::optional{seconds.get<double>()} : std::nullopt};
    }
  }
  return largest;
}

}  // namespace

EventSummary summary_of(const JournalEvent& event) {
  return summary_of(event.what, Json::parse(event.details, nullptr, false));
}

EventSummary summary_of(std::string_view what, const Json& details) {
  // A plan's own record, or what says of which plan it is.
  const Json& within = member(details, "plan");
  const Json& plan = within.is_object() ? within : details;
  EventSummary summary;
  summary.plan = within.is_object() ? text(within, "id") : std::nullopt;
  if (what == "planned") {
    summary.plan = text(details, "id");
  }
  summary.goal = text(member(plan, "goal"), "goal");
  summary.largest_jump = largest_jump(plan);
  for (const Json& objection : member(plan, "objections")) {
    if (auto name = text(objection, "objection")) {
      summary.objections.push_back(*std::move(name));
    }
  }
  summary.reason = text(details, "reason");
  summary.undo_of = text(details, "undo_of");
  summary.redo = member(details, "redo") == true;
  summary.verdict = text(details, "verdict");
  summary.error = text(member(details, "error"), "message");
  return summary;
}

}  // namespace kvmtsc
