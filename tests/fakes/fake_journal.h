// FakeJournal: a Journal in memory that fails when a test says so. Any thread.
#pragma once

#include <algorithm>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "corrections/journal.h"

namespace kvmtsc {

class FakeJournal final : public Journal {
 public:
  Status record(const JournalEvent& event,
                const std::optional<JournalCorrection>& correction) override {
    const std::lock_guard lock(mutex_);
    if (event.what == fails_at) {
      return Error{ErrorKind::kIo, "the journal is full", "make room"};
    }
    all.push_back(event);
    all.back().sequence = all.size();
    if (correction) {
      const auto known = std::ranges::find(rows, correction->id, &JournalCorrection::id);
      (known == rows.end() ? rows.emplace_back() : *known) = *correction;
    }
    return ok_status();
  }
  Status writable() override {
    const std::lock_guard lock(mutex_);
    return unwritable_ ? Status(*unwritable_) : ok_status();
  }
  Result<std::vector<JournalEvent>> events(const JournalQuery& query) override {
    const std::lock_guard lock(mutex_);
    std::vector<JournalEvent> found;
    std::ranges::copy_if(all, std::back_inserter(found), [&](const JournalEvent& event) {
      const bool there = query.after ? event.sequence > *query.after
                                     : !query.before || event.sequence < *query.before;
      return there && (query.vm.empty() || event.vm == query.vm) &&
             (is_among(query.among, event.vm) || is_among(query.among, event.vm_uuid));
    });
    if (!query.after) {
      std::ranges::reverse(found);
    }
    found.resize(std::min(found.size(), query.limit));
    return found;
  }
  // Of uuids it knows nothing.
  Result<std::vector<JournalCorrection>> corrections(
      std::size_t limit, const std::string& vm, const std::vector<std::string>& among) override {
    const std::lock_guard lock(mutex_);
    std::vector newest(rows.rbegin(), rows.rend());
    std::erase_if(newest, [&](const auto& row) {
      return (!vm.empty() && row.vm != vm) || !is_among(among, row.vm);
    });
    newest.resize(std::min(newest.size(), limit));
    return newest;
  }
  Result<std::vector<JournalCorrection>> corrections_after(const std::string& id) override {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(rows, id, &JournalCorrection::id);
    return found == rows.end() ? std::vector<JournalCorrection>{}
                               : std::vector<JournalCorrection>(found + 1, rows.end());
  }
  Result<std::vector<JournalCorrection>> unfinished() override {
    const std::lock_guard lock(mutex_);
    std::vector<JournalCorrection> left;
    std::ranges::copy_if(rows, std::back_inserter(left), [](const auto& row) { return !row.done; });
    return left;
  }
  Result<std::optional<JournalCorrection>> correction(const std::string& id) override {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find(rows, id, &JournalCorrection::id);
    return found == rows.end() ? std::nullopt : std::optional{*found};
  }

  // The words of all events, in order.
  std::vector<std::string> words() {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> words;
    std::ranges::transform(all, std::back_inserter(words), &JournalEvent::what);
    return words;
  }

  std::string fails_at;  // the event that cannot be recorded

  void set_unwritable(std::optional<Error> why) {
    const std::lock_guard lock(mutex_);
    unwritable_ = std::move(why);
  }
  std::vector<JournalEvent> all;
  std::vector<JournalCorrection> rows;

 private:
  static bool is_among(const std::vector<std::string>& names, const std::string& name) {
    return names.empty() || std::ranges::find(names, name) != names.end();
  }

  std::mutex mutex_;
  std::optional<Error> unwritable_;
};

}  // namespace kvmtsc
