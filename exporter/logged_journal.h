// LoggedJournal: a Journal whose events are log lines as well, and that knows whether it can be
// written: a line says when that begins to fail, and one when it is over. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "corrections/journal.h"
#include "exporter/log/log.h"

namespace kvmtsc {

// What a log line says of an event: a line that can be read. The audit has the rest.
log::Fields fields_of(const JournalEvent& event);

class LoggedJournal final : public Journal {
 public:
  explicit LoggedJournal(std::unique_ptr<Journal> journal) : journal_(std::move(journal)) {}

  // Logged whether or not it could be recorded, and which.
  Status record(const JournalEvent& event,
                const std::optional<JournalCorrection>& correction) override;
  Status writable() override;
  Result<std::vector<JournalEvent>> events(const JournalQuery& query) override {
    return journal_->events(query);
  }
  Result<std::vector<JournalCorrection>> corrections(
      std::size_t limit, const std::string& vm, const std::vector<std::string>& among) override {
    return journal_->corrections(limit, vm, among);
  }
  Result<std::vector<JournalCorrection>> corrections_after(const std::string& id) override {
    return journal_->corrections_after(id);
  }
  Result<std::vector<JournalCorrection>> unfinished() override { return journal_->unfinished(); }
  Result<std::optional<JournalCorrection>> correction(const std::string& id) override {
    return journal_->correction(id);
  }

  // Events that could not be recorded, since this was made.
  std::uint64_t failures() const { return failures_; }

  // As writable() said last, or an event since that could not be recorded; absent before the first.
  std::optional<Status> state() const;

 private:
  void note(const Status& now);

  std::unique_ptr<Journal> journal_;
  mutable std::mutex mutex_;
  std::optional<Status> state_;  // guarded by mutex_
  std::atomic<std::uint64_t> failures_{0};
};

}  // namespace kvmtsc
