// SqliteJournal: the Journal in a SQLite database. Write-ahead log with a sync at every commit, so
// that what record() has returned from survives a power failure; events can neither be changed nor
// removed through SQL. One process at a time. Any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "corrections/journal.h"

namespace kvmtsc {

class SqliteJournal final : public Journal {
 public:
  // `path` is made if need be, mode 0600, and its directory, mode 0700; ":memory:" keeps nothing.
  // kRefused when another process has it, kInvalid when it is no such database, kUnsupported when
  // a later version wrote it.
  static Result<std::unique_ptr<SqliteJournal>> open(const std::string& path);
  ~SqliteJournal() override;
  SqliteJournal(const SqliteJournal&) = delete;
  SqliteJournal& operator=(const SqliteJournal&) = delete;

  Status record(const JournalEvent& event,
                const std::optional<JournalCorrection>& correction) override;
  // An error where less than kRoom is left on the file system, too: the log that SQLite writes into
  // is used again and again, so a write of little proves no room for more.
  Status writable() override;
  static constexpr std::uint64_t kRoom = std::uint64_t{1} << 20;
  Result<std::vector<JournalEvent>> events(const JournalQuery& query) override;
  Result<std::vector<JournalCorrection>> corrections(
      std::size_t limit, const std::string& vm, const std::vector<std::string>& among) override;
  Result<std::vector<JournalCorrection>> corrections_after(const std::string& id) override;
  Result<std::vector<JournalCorrection>> unfinished() override;
  Result<std::optional<JournalCorrection>> correction(const std::string& id) override;

 private:
  class Impl;
  explicit SqliteJournal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kvmtsc
