#include "exporter/store/sqlite.h"

#include <utility>

namespace kvmtsc {
namespace {

// Empty for one in memory.
std::string path_of(sqlite3* database) {
  const char* const path = sqlite3_db_filename(database, "main");
  return path == nullptr ? "" : path;
}

// Names the file, for that is where something is to be done.
Error error_of(sqlite3* database, const std::string& path) {
  const int code = sqlite3_errcode(database);
  const std::string name = path.empty() ? "" : " " + path;
  Error error{ErrorKind::kIo, "audit database" + name + ": " + sqlite3_errmsg(database), {}};
  switch (code & 0xff) {
    case SQLITE_FULL:
      error.remedy = "make room on its file system";
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      error.kind = ErrorKind::kRefused;
      error.remedy = "another process has it open; run one service with one audit.path";
      break;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
      error.kind = ErrorKind::kPermission;
      error.remedy = "see that its directory exists and this process may write there";
      break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      error.kind = ErrorKind::kInvalid;
      error.remedy = "move the file away (it is evidence) and start with a new one";
      break;
    default:
      break;
  }
  return error;
}

}  // namespace

Statement& Statement::bind(int parameter, const std::string& text) {
  sqlite3_bind_text(handle_.get(), parameter, text.data(), static_cast<int>(text.size()),
                    SQLITE_TRANSIENT);
  return *this;
}

Statement& Statement::bind(int parameter, std::int64_t number) {
  sqlite3_bind_int64(handle_.get(), parameter, number);
  return *this;
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) {
    return true;
  }
  if (code == SQLITE_DONE) {
    sqlite3_reset(handle_.get());
    return false;
  }
  sqlite3* const database = sqlite3_db_handle(handle_.get());
  Error error = error_of(database, path_of(database));
  sqlite3_reset(handle_.get());
  return error;
}

Status Statement::run() {
  const auto stepped = step();
  return stepped ? ok_status() : Status(stepped.error());
}

std::string Statement::text(int column) const {
  const auto* const bytes = sqlite3_column_text(handle_.get(), column);
  const int size = sqlite3_column_bytes(handle_.get(), column);
  return bytes == nullptr
             ? ""
             : std::string(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
}

Result<Database> Database::open(const std::string& path) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
  Database database(handle);
  if (code != SQLITE_OK) {
    return error_of(handle, path);
  }
  sqlite3_extended_result_codes(handle, 1);
  return database;
}

Status Database::execute(const char* sql) {
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return error_of(handle_.get(), path_of(handle_.get()));
  }
  return ok_status();
}

Result<Statement> Database::prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(handle_.get(), sql, -1, &statement, nullptr) != SQLITE_OK) {
    return error_of(handle_.get(), path_of(handle_.get()));
  }
  return Statement(statement);
}

}  // namespace kvmtsc
