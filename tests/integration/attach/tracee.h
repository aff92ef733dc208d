// Tracee: one of the programs of tests/tracees, or another, run beside a test that attaches to it.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/integration/process.h"

namespace kvmtsc::testing {

class Tracee {
 public:
  // Runs `program` (a tracee by its name, or a path) and waits until it has written a line.
  // `valid()` is false when that failed.
  explicit Tracee(std::string program, const std::vector<std::string>& arguments = {});

  bool valid() const { return valid_; }
  pid_t pid() const { return process_ ? process_->pid() : -1; }
  bool running() { return !wait(0); }
  // One letter of /proc/<pid>/stat.
  char state() const;
  void send(int signal) const;

  // Waits for its end; the exit code, or 128 + the signal that ended it, or absent after `seconds`.
  std::optional<int> wait(double seconds);
  std::string errors() { return process_ ? process_->error_output() : "not started"; }

 private:
  std::unique_ptr<integration::Process> process_;
  bool valid_ = false;
};

}  // namespace kvmtsc::testing
