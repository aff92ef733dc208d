// Process: a program that a test runs beside itself. Ends it, and reaps it, when destroyed.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace kvmtsc::testing {

class Process {
 public:
  // Runs `arguments[0]` and, with `await_line`, waits up to 20 s until it has written a line to its
  // standard output. Standard error is kept. `valid()` is false when that failed.
  explicit Process(const std::vector<std::string>& arguments, bool await_line = true);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  bool valid() const { return valid_; }
  pid_t pid() const { return pid_; }
  const std::string& line() const { return line_; }
  bool running();
  // One letter of /proc/<pid>/stat.
  char state() const;

  // Waits for its end; the exit code, or 128 + the signal that ended it, or absent after `seconds`.
  std::optional<int> wait(double seconds);
  std::string errors();

 private:
  pid_t pid_ = -1;
  bool valid_ = false;
  std::string line_;
  std::optional<int> status_;
  UniqueFd errors_;
  UniqueFd output_;
};

// A tracee built beside the tests, by name.
std::string tracee(const std::string& name);

}  // namespace kvmtsc::testing
