#include "exporter/logged_journal.h"

#include "exporter/log/log.h"

namespace kvmtsc {

Status LoggedJournal::record(const JournalEvent& event,
                             const std::optional<JournalCorrection>& correction) {
  const auto write = event.what == "interrupted" ? log::warn : log::info;
  write("correction " + event.what, {{"vm", event.vm},
                                     {"who", event.who},
                                     {"from", event.from},
                                     {"correction", event.correction},
                                     {"details", event.details}});
  auto recorded = journal_->record(event, correction);
  if (!recorded) {
    log::error("the audit could not be written", log::with_error({}, recorded.error()));
  }
  return recorded;
}

}  // namespace kvmtsc
