#include "tests/integration/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <iostream>
#include <utility>

#include <gtest/gtest.h>

#include "tests/integration/paths.h"

namespace kvmtsc::integration {
namespace {

constexpr Milliseconds kGrace{2000};
constexpr Milliseconds kLastWords{1000};
constexpr Milliseconds kCollectorWakes{100};
constexpr int kExecFailed = 127;

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return errno_error(errno, "pipe2");
  }
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// In the child, between fork and exec: async-signal-safe calls only.
[[noreturn]] void become(char* const* arguments, int input, int output, int errors, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::signal(SIGPIPE, SIG_DFL);
  if (::getppid() != parent) {
    ::_exit(kExecFailed);  // the parent ended before prctl
  }
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(errors, STDERR_FILENO);
  ::execv(arguments[0], arguments);
  ::_exit(kExecFailed);
}

int milliseconds_until(std::chrono::steady_clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<Milliseconds>(deadline - std::chrono::steady_clock::now());
  return left.count() < 0 ? 0 : static_cast<int>(left.count());
}

}  // namespace

Result<std::unique_ptr<Process>> Process::start(std::vector<std::string> command) {
  if (command[0].find('/') == std::string::npos) {
    command[0] = find_in_path(command[0]);
  }
  if (::access(command[0].c_str(), X_OK) != 0) {
    Error error = errno_error(errno, "cannot start '" + command[0] + "'");
    error.remedy = "build it (make build) or install it (scripts/install-packages.sh test)";
    return error;
  }
  auto input = make_pipe();
  auto output = make_pipe();
  auto errors = make_pipe();
  if (!input || !output || !errors) {
    return Error{ErrorKind::kIo, "pipe2 failed", ""};
  }
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (std::string& argument : command) {
    arguments.push_back(argument.data());
  }
  arguments.push_back(nullptr);

  ::signal(SIGPIPE, SIG_IGN);  // write_line tells what the signal would
  std::unique_ptr<Process> process(new Process());
  const pid_t parent = ::getpid();
  process->pid_ = ::fork();
  if (process->pid_ == 0) {
    become(arguments.data(), input->read.get(), output->write.get(), errors->write.get(), parent);
  }
  if (process->pid_ < 0) {
    return errno_error(errno, "fork");
  }
  process->name_ = command[0].substr(command[0].rfind('/') + 1);
  process->pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, process->pid_, 0)));
  process->input_ = std::move(input->write);
  process->output_.fd = std::move(output->read);
  process->errors_.fd = std::move(errors->read);
  process->collector_ = std::thread([p = process.get()] { p->collect(); });
  return process;
}

Process::~Process() {
  if (pid_ > 0) {
    input_.reset();
    (void)send_signal(SIGTERM);
    if (!wait_exit(kGrace).ok()) {
      (void)send_signal(SIGKILL);
      (void)wait_exit(kGrace);
    }
  }
  if (collector_.joinable()) {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    collector_.join();
  }
  if (::testing::Test::HasFailure()) {
    std::cout << "--- stderr of " << name_ << " (pid " << pid_ << "):\n" << errors_.text << "---\n";
  }
}

void Process::collect() {
  while (true) {
    std::array<pollfd, 2> waiting{pollfd{output_.fd.get(), POLLIN, 0},
                                  pollfd{errors_.fd.get(), POLLIN, 0}};
    ::poll(waiting.data(), waiting.size(), static_cast<int>(kCollectorWakes.count()));
    if (waiting[0].revents != 0) {
      receive(output_);
    }
    if (waiting[1].revents != 0) {
      receive(errors_);
    }
    const std::scoped_lock lock(mutex_);
    // A grandchild may hold the pipes open for ever, so being told to stop is enough.
    if (stopping_ || (output_.ended && errors_.ended)) {
      return;
    }
  }
}

void Process::receive(Stream& stream) {
  std::array<char, 65536> buffer{};
  const ssize_t count = ::read(stream.fd.get(), buffer.data(), buffer.size());
  const std::scoped_lock lock(mutex_);
  if (count > 0) {
    stream.text.append(buffer.data(), static_cast<std::size_t>(count));
  } else {
    stream.ended = true;
    stream.fd.reset();
  }
  changed_.notify_all();
}

Status Process::write_line(std::string_view line) {
  std::string text(line);
  text += '\n';
  const ssize_t written = ::write(input_.get(), text.data(), text.size());
  if (written != static_cast<ssize_t>(text.size())) {
    return errno_error(errno, "writing to " + name_);
  }
  return ok_status();
}

Error Process::no_line(const Stream& stream, const std::string& what) {
  return Error{stream.ended ? ErrorKind::kGone : ErrorKind::kTimeout,
               name_ + (stream.ended ? " ended without " : " did not print ") + what +
                   "; its stderr:\n" + errors_.text,
               ""};
}

Result<std::string> Process::read_line(Milliseconds patience) {
  std::unique_lock lock(mutex_);
  std::size_t end = std::string::npos;
  changed_.wait_for(lock, patience, [&] {
    end = output_.text.find('\n', output_taken_);
    return end != std::string::npos || output_.ended;
  });
  if (end == std::string::npos) {
    return no_line(output_, "a line");
  }
  std::string line = output_.text.substr(output_taken_, end - output_taken_);
  output_taken_ = end + 1;
  return line;
}

Result<std::string> Process::find_error_line(std::string_view text, Milliseconds patience) {
  std::unique_lock lock(mutex_);
  std::size_t found = std::string::npos;
  std::size_t end = std::string::npos;
  changed_.wait_for(lock, patience, [&] {
    found = errors_.text.find(text);
    end = found == std::string::npos ? found : errors_.text.find('\n', found);
    return end != std::string::npos || errors_.ended;
  });
  if (end == std::string::npos) {
    return no_line(errors_, "a line with '" + std::string(text) + "'");
  }
  const std::size_t before = errors_.text.rfind('\n', found);
  const std::size_t begin = before == std::string::npos ? 0 : before + 1;
  return errors_.text.substr(begin, end - begin);
}

std::string Process::output() {
  const std::scoped_lock lock(mutex_);
  return output_.text;
}

std::string Process::error_output() {
  const std::scoped_lock lock(mutex_);
  return errors_.text;
}

Status Process::send_signal(int signal) {
  if (ended_ || ::kill(pid_, signal) != 0) {
    return Error{ErrorKind::kGone, name_ + " has ended", ""};
  }
  return ok_status();
}

Result<ExitStatus> Process::wait_exit(Milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!ended_) {
    pollfd waiting{pidfd_.get(), POLLIN, 0};
    ::poll(&waiting, 1, milliseconds_until(deadline));
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == pid_) {
      ended_ = true;
      hear_last_words();
      exit_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
      exit_.code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    } else if (std::chrono::steady_clock::now() >= deadline) {
      return Error{ErrorKind::kTimeout,
                   name_ + " is still running after " + std::to_string(patience.count()) + " ms",
                   ""};
    }
  }
  return exit_;
}

// The pipes may hold more than the collector has read; a grandchild may hold them open for ever.
void Process::hear_last_words() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kLastWords, [this] { return output_.ended && errors_.ended; });
}

Result<Finished> run_program(std::vector<std::string> command, std::string_view input,
                             Milliseconds patience) {
  auto process = Process::start(std::move(command));
  if (!process) {
    return process.error();
  }
  if (!input.empty()) {
    (void)(*process)->write_line(input);  // a program that ends early has its reasons on stderr
  }
  (*process)->close_input();
  const auto status = (*process)->wait_exit(patience);
  if (!status) {
    return status.error();
  }
  return Finished{*status, (*process)->output(), (*process)->error_output()};
}

}  // namespace kvmtsc::integration
