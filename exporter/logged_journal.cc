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
  auto recorded = journal_->record(event, correction);
  log::Fields fields = fields_of(event);
  if (!recorded) {
    ++failures_;
    fields.emplace_back("recorded", "no");
    note(recorded);
  }
  const auto write = event.what == "interrupted" || !recorded ? log::warn : log::info;
  write("correction " + event.what, fields);
  return recorded;
}

Status LoggedJournal::writable() {
  auto now = journal_->writable();
  note(now);
  return now;
}

std::optional<Status> LoggedJournal::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void LoggedJournal::note(const Status& now) {
  const std::lock_guard lock(mutex_);
  const bool was_well = !state_ || state_->ok();
  if (was_well && !now) {
    log::error("the audit cannot be written, so corrections will be refused",
               log::with_error({}, now.error()));
  } else if (!was_well && now) {
    log::info("the audit can be written again");
  }
  state_ = now;
}

}  // namespace kvmtsc
