// Database and Statement: SQLite's handles with their ends, and its errors as Errors.
// Not thread-safe; one thread at a time.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace kvmtsc {

class Statement {
 public:
  Statement(Statement&&) = default;

  // Parameters count from 1.
  Statement& bind(int parameter, const std::string& text);
  Statement& bind(int parameter, std::int64_t number);

  // True while there is a row; false at the end. After an error or the end the statement can be
  // bound and stepped anew.
  Result<bool> step();
  // For statements that give no rows.
  Status run();

  // Of the row that step() came to; columns count from 0.
  std::string text(int column) const;
  std::int64_t number(int column) const { return sqlite3_column_int64(handle_.get(), column); }

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  explicit Statement(sqlite3_stmt* handle) : handle_(handle) {}

  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

class Database {
 public:
  // `path` is a file, made if it is not there, or ":memory:".
  static Result<Database> open(const std::string& path);
  Database(Database&&) = default;

  Status execute(const char* sql);
  Result<Statement> prepare(const char* sql);
  std::int64_t last_row() const { return sqlite3_last_insert_rowid(handle_.get()); }

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  explicit Database(sqlite3* handle) : handle_(handle) {}

  std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace kvmtsc
