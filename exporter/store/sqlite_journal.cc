#include "exporter/store/sqlite_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/unique_fd.h"
#include "exporter/store/sqlite.h"

namespace kvmtsc {
namespace {

constexpr std::int64_t kVersion = 1;

// Exclusive locking keeps a second service out for as long as this one lives, and needs no shared
// memory file beside the database.
constexpr const char* kSettings = R"(
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
BEGIN IMMEDIATE;
COMMIT;
)";

constexpr const char* kSchema = R"(
BEGIN IMMEDIATE;
CREATE TABLE events (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ns INTEGER NOT NULL,
  what TEXT NOT NULL,
  correction TEXT NOT NULL,
  vm TEXT NOT NULL,
  vm_uuid TEXT NOT NULL,
  who TEXT NOT NULL,
  source TEXT NOT NULL,
  details TEXT NOT NULL
);
CREATE INDEX events_by_vm ON events (vm, sequence);
CREATE TRIGGER events_stay BEFORE UPDATE ON events
  BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER events_remain BEFORE DELETE ON events
  BEGIN SELECT RAISE(ABORT, 'events are never removed'); END;
CREATE TABLE corrections (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  vm TEXT NOT NULL,
  done INTEGER NOT NULL,
  json TEXT NOT NULL
);
PRAGMA user_version = 1;
COMMIT;
)";

// SQLite would make the file with the umask's mode, and no directory.
Status make_file(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0 &&
      ::mkdir(path.substr(0, slash).c_str(), 0700) != 0 && errno != EEXIST) {
    Error error = errno_error(errno, "audit database " + path);
    error.remedy = "create its directory first";
    return error;
  }
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file.get() < 0) {
    Error error = errno_error(errno, "audit database " + path);
    error.remedy = "see --audit.path";
    return error;
  }
  return ok_status();
}

// Of what the file system keeps back for root, root may use all.
Status has_room(const std::string& path) {
  struct statvfs system {};
  if (path == ":memory:" || ::statvfs(path.c_str(), &system) != 0) {
    return ok_status();  // a file that is gone is told by writing
  }
  const auto blocks = ::geteuid() == 0 ? system.f_bfree : system.f_bavail;
  const std::uint64_t left = std::uint64_t{blocks} * system.f_frsize;
  if (left >= SqliteJournal::kRoom) {
    return ok_status();
  }
  return Error{ErrorKind::kIo,
               "audit database " + path + ": " + std::to_string(left >> 10) +
                   " KiB are left on its file system, which is too little for a correction",
               "make room on its file system"};
}

Result<std::int64_t> version_of(Database& database) {
  auto statement = database.prepare("PRAGMA user_version");
  if (!statement) {
    return statement.error();
  }
  const auto row = statement->step();
  if (!row) {
    return row.error();
  }
  return statement->number(0);
}

constexpr const char* kEvents =
    "SELECT sequence, at_ns, what, correction, vm, vm_uuid, who, source, details FROM events "
    "WHERE (?2 = '' OR vm = ?2) AND (?4 = '[]' OR vm IN (SELECT value FROM json_each(?4)) "
    "OR vm_uuid IN (SELECT value FROM json_each(?4))) ";
constexpr const char* kUpwardsFrom = "AND sequence > ?1 ORDER BY sequence LIMIT ?3";
constexpr const char* kDownwardsFrom = "AND sequence < ?1 ORDER BY sequence DESC LIMIT ?3";
constexpr const char* kAllCorrections =
    "SELECT id, vm, done, json FROM corrections WHERE (?1 = '' OR vm = ?1) "
    "AND (?3 = '[]' OR vm IN (SELECT value FROM json_each(?3)) "
    "OR json_extract(json, '$.uuid') IN (SELECT value FROM json_each(?3))) "
    "ORDER BY number DESC LIMIT ?2";
constexpr const char* kLaterCorrections =
    "SELECT id, vm, done, json FROM corrections "
    "WHERE number > (SELECT number FROM corrections WHERE id = ?) ORDER BY number";
constexpr const char* kUnfinished =
    "SELECT id, vm, done, json FROM corrections WHERE done = 0 ORDER BY number";
constexpr const char* kOneCorrection = "SELECT id, vm, done, json FROM corrections WHERE id = ?";

std::int64_t limited(std::size_t limit) {
  return static_cast<std::int64_t>(std::min<std::size_t>(limit, 100'000));
}

// For json_each().
std::string list_of(const std::vector<std::string>& texts) {
  return nlohmann::json(texts).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<std::vector<JournalCorrection>> rows_of(Result<Statement> statement) {
  if (!statement) {
    return statement.error();
  }
  std::vector<JournalCorrection> rows;
  while (true) {
    const auto more = statement->step();
    if (!more) {
      return more.error();
    }
    if (!*more) {
      return rows;
    }
    rows.push_back(
        {statement->text(0), statement->text(1), statement->number(2) != 0, statement->text(3)});
  }
}

}  // namespace

class SqliteJournal::Impl {
 public:
  Impl(Database opened, std::string place) : database(std::move(opened)), path(std::move(place)) {}

  Status append(const JournalEvent& event) {
    auto insert = database.prepare(
        "INSERT INTO events (at_ns, what, correction, vm, vm_uuid, who, source, details) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
    if (!insert) {
      return insert.error();
    }
    return insert->bind(1, std::int64_t{event.at.since_epoch.count()})
        .bind(2, event.what)
        .bind(3, event.correction)
        .bind(4, event.vm)
        .bind(5, event.vm_uuid)
        .bind(6, event.who)
        .bind(7, event.from)
        .bind(8, event.details)
        .run();
  }

  Status replace(const JournalCorrection& correction) {
    auto upsert = database.prepare(
        "INSERT INTO corrections (id, vm, done, json) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET done = excluded.done, json = excluded.json");
    if (!upsert) {
      return upsert.error();
    }
    return upsert->bind(1, correction.id)
        .bind(2, correction.vm)
        .bind(3, std::int64_t{correction.done})
        .bind(4, correction.json)
        .run();
  }

  Status record_within(const JournalEvent& event,
                       const std::optional<JournalCorrection>& correction) {
    if (auto appended = append(event); !appended) {
      return appended;
    }
    if (correction) {
      if (auto replaced = replace(*correction); !replaced) {
        return replaced;
      }
    }
    return database.execute("COMMIT");
  }

  std::mutex mutex;
  Database database;
  const std::string path;
};

SqliteJournal::SqliteJournal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SqliteJournal::~SqliteJournal() = default;

Result<std::unique_ptr<SqliteJournal>> SqliteJournal::open(const std::string& path) {
  if (path != ":memory:") {
    if (auto made = make_file(path); !made) {
      return made.error();
    }
  }
  auto database = Database::open(path);
  if (!database) {
    return database.error();
  }
  if (auto set = database->execute(kSettings); !set) {
    return set.error();
  }
  const auto version = version_of(*database);
  if (!version) {
    return version.error();
  }
  if (*version > kVersion) {
    return Error{ErrorKind::kUnsupported,
                 "audit database " + path + " was written by a later version of this program",
                 "use that version, or another audit.path"};
  }
  if (*version == 0) {
    if (auto made = database->execute(kSchema); !made) {
      return made.error();
    }
  }
  return std::unique_ptr<SqliteJournal>(
      new SqliteJournal(std::make_unique<Impl>(*std::move(database), path)));
}

Status SqliteJournal::record(const JournalEvent& event,
                             const std::optional<JournalCorrection>& correction) {
  const std::lock_guard lock(impl_->mutex);
  if (auto begun = impl_->database.execute("BEGIN IMMEDIATE"); !begun) {
    return begun;
  }
  auto recorded = impl_->record_within(event, correction);
  if (!recorded) {
    // Some errors have rolled back already; then this one fails, and that is as it should be.
    static_cast<void>(impl_->database.execute("ROLLBACK"));
  }
  return recorded;
}

Status SqliteJournal::writable() {
  if (auto room = has_room(impl_->path); !room) {
    return room;
  }
  const std::lock_guard lock(impl_->mutex);
  // Setting the version that it has rewrites the database's first page, with log and sync.
  return impl_->database.execute("PRAGMA user_version = 1");
}

Result<std::vector<JournalEvent>> SqliteJournal::events(const JournalQuery& query) {
  const std::lock_guard lock(impl_->mutex);
  const std::string query_text =
      std::string(kEvents) + (query.after ? kUpwardsFrom : kDownwardsFrom);
  auto select = impl_->database.prepare(query_text.c_str());
  if (!select) {
    return select.error();
  }
  constexpr std::uint64_t kLargest = std::numeric_limits<std::int64_t>::max();
  const std::uint64_t from = query.after.value_or(query.before.value_or(kLargest));
  select->bind(1, static_cast<std::int64_t>(std::min(from, kLargest)))
      .bind(2, query.vm)
      .bind(3, limited(query.limit))
      .bind(4, list_of(query.among));
  std::vector<JournalEvent> events;
  while (true) {
    const auto more = select->step();
    if (!more) {
      return more.error();
    }
    if (!*more) {
      return events;
    }
    JournalEvent& event = events.emplace_back();
    event.sequence = static_cast<std::uint64_t>(select->number(0));
    event.at = RealTime{Nanoseconds{select->number(1)}};
    event.what = select->text(2);
    event.correction = select->text(3);
    event.vm = select->text(4);
    event.vm_uuid = select->text(5);
    event.who = select->text(6);
    event.from = select->text(7);
    event.details = select->text(8);
  }
}

Result<std::vector<JournalCorrection>> SqliteJournal::corrections(
    std::size_t limit, const std::string& vm, const std::vector<std::string>& among) {
  const std::lock_guard lock(impl_->mutex);
  auto select = impl_->database.prepare(kAllCorrections);
  if (select) {
    select->bind(1, vm).bind(2, limited(limit)).bind(3, list_of(among));
  }
  return rows_of(std::move(select));
}

Result<std::vector<JournalCorrection>> SqliteJournal::corrections_after(const std::string& id) {
  const std::lock_guard lock(impl_->mutex);
  auto select = impl_->database.prepare(kLaterCorrections);
  if (select) {
    select->bind(1, id);
  }
  return rows_of(std::move(select));
}

Result<std::vector<JournalCorrection>> SqliteJournal::unfinished() {
  const std::lock_guard lock(impl_->mutex);
  return rows_of(impl_->database.prepare(kUnfinished));
}

Result<std::optional<JournalCorrection>> SqliteJournal::correction(const std::string& id) {
  const std::lock_guard lock(impl_->mutex);
  auto select = impl_->database.prepare(kOneCorrection);
  if (select) {
    select->bind(1, id);
  }
  auto rows = rows_of(std::move(select));
  if (!rows) {
    return rows.error();
  }
  return rows->empty() ? std::nullopt : std::optional{rows->front()};
}

}  // namespace kvmtsc
