#include "exporter/logged_journal.h"

#include "base/duration_text.h"
#include "base/join.h"
#include "corrections/event_summary.h"

namespace kvmtsc {
namespace {

std::string jump_text(const EventSummary::Jump& jump) {
  return (jump.ticks > 0 ? "+" : "") + std::to_string(jump.ticks) + " ticks" +
         (jump.seconds ? " (" + duration_text(*jump.seconds, true) + ")" : "");
}

}  // namespace

log::Fields fields_of(const JournalEvent& event) {
  const EventSummary summary = summary_of(event);
  log::Fields fields{{"vm", event.vm}, {"who", event.who}, {"from", event.from}};
  const auto add = [&fields](std::string_view name, const std::string& value) {
    if (!value.empty()) {
      fields.emplace_back(name, value);
    }
  };
  add("correction", event.correction);
  add("plan", summary.plan.value_or(""));
  add(summary.redo ? "redo_of" : "undo_of", summary.undo_of.value_or(""));
  add("goal", summary.goal.value_or(""));
  add("largest_jump", summary.largest_jump ? jump_text(*summary.largest_jump) : "");
  add("objections", join(summary.objections, ","));
  add("reason", summary.reason.value_or(""));
  add("verdict", summary.verdict.value_or(""));
  add("error", summary.error.value_or(""));
  return fields;
}

Status LoggedJournal::record(const JournalEvent& event,
                             const std::optional<JournalCorrection>& correction) {
  const auto write = event.what == "interrupted" ? log::warn : log::info;
  write("correction " + event.what, fields_of(event));
  auto recorded = journal_->record(event, correction);
  if (!recorded) {
    ++failures_;
    log::error("the audit could not be written", log::with_error({}, recorded.error()));
  }
  return recorded;
}

}  // namespace kvmtsc
