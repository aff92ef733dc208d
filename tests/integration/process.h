// Process: a program that a test starts, talks to and ends. Everything waits with a deadline.
//
// What it prints is collected by a thread as it comes, so it never blocks on a full pipe. It dies
// with the test (PR_SET_PDEATHSIG), so start it from a thread that lives as long. If the test has
// failed by the time the Process is destroyed, its stderr goes to the test's output.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace kvmtsc::integration {

using Milliseconds = std::chrono::milliseconds;

struct ExitStatus {
  int code = 0;    // meaningless if `signal` is not 0
  int signal = 0;  // that killed it
};

class Process {
 public:
  // `command` is the program's path (or a name in $PATH) and its arguments.
  static Result<std::unique_ptr<Process>> start(std::vector<std::string> command);
  // SIGTERM, and SIGKILL after two seconds.
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }

  // An error when the program no longer reads. (SIGPIPE is ignored in this process.)
  Status write_line(std::string_view line);
  void close_input() { input_.reset(); }

  // The next line of stdout, without its end. kGone when there are no more, kTimeout; both with
  // what came on stderr.
  Result<std::string> read_line(Milliseconds patience);

  // The first line of stderr, from its beginning, that contains `text`. Errors as above.
  Result<std::string> find_error_line(std::string_view text, Milliseconds patience);

  std::string output();        // stdout so far
  std::string error_output();  // stderr so far

  Status send_signal(int signal);
  // kTimeout if it is still running then. May be asked again after it has ended. All that it said
  // is in output() and error_output() then.
  Result<ExitStatus> wait_exit(Milliseconds patience);

 private:
  struct Stream {
    UniqueFd fd;
    std::string text;
    bool ended = false;
  };

  Process() = default;
  void collect();
  void hear_last_words();
  void receive(Stream& stream);
  Error no_line(const Stream& stream, const std::string& what);

  pid_t pid_ = 0;
  std::string name_;
  UniqueFd pidfd_;
  UniqueFd input_;
  bool ended_ = false;
  ExitStatus exit_;

  std::mutex mutex_;
  std::condition_variable changed_;
  Stream output_;  // guarded by mutex_, like all below
  Stream errors_;
  std::size_t output_taken_ = 0;
  bool stopping_ = false;
  std::thread collector_;
};

// Starts it, waits for its end and gives its status and stdout; for programs that only answer.
struct Finished {
  ExitStatus status;
  std::string output;
  std::string error_output;
};
Result<Finished> run_program(std::vector<std::string> command, std::string_view input,
                             Milliseconds patience);

}  // namespace kvmtsc::integration
