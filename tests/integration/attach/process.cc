#include "tests/integration/attach/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <fstream>

namespace kvmtsc::testing {
namespace {

void nap() {
  const timespec pause{0, 1'000'000};
  ::nanosleep(&pause, nullptr);
}

}  // namespace

Process::Process(const std::vector<std::string>& arguments, bool await_line) {
  std::array<int, 2> output{};
  if (::pipe2(output.data(), O_CLOEXEC) != 0) {
    return;
  }
  output_.reset(output[0]);
  UniqueFd write_end{output[1]};
  errors_.reset(::memfd_create("stderr", MFD_CLOEXEC));
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, write_end.get(), 1);
  ::posix_spawn_file_actions_adddup2(&actions, errors_.get(), 2);
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const auto& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  const int error = ::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    pid_ = -1;
    return;
  }
  write_end.reset();
  while (await_line && (line_.empty() || line_.back() != '\n')) {
    pollfd poll{output_.get(), POLLIN, 0};
    char byte = 0;
    if (::poll(&poll, 1, 20'000) <= 0 || ::read(output_.get(), &byte, 1) != 1) {
      return;
    }
    line_ += byte;
  }
  valid_ = true;
}

Process::~Process() {
  if (pid_ > 0 && !status_) {
    ::kill(pid_, SIGKILL);
    ::kill(pid_, SIGCONT);
    wait(5);
  }
}

bool Process::running() {
  return pid_ > 0 && !wait(0);
}

char Process::state() const {
  std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
  std::string text;
  std::getline(file, text);
  const auto end = text.rfind(')');
  return end == std::string::npos || end + 2 >= text.size() ? '?' : text[end + 2];
}

std::optional<int> Process::wait(double seconds) {
  for (int naps = 0; !status_; ++naps) {
    int status = 0;
    const pid_t reaped = ::waitpid(pid_, &status, WNOHANG);
    if (reaped == pid_) {
      status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    } else if (naps >= seconds * 1000) {
      return std::nullopt;
    } else {
      nap();
    }
  }
  return status_;
}

std::string Process::errors() {
  std::string text(4096, '\0');
  const ssize_t got = ::pread(errors_.get(), text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

std::string tracee(const std::string& name) {
  return std::string(KVM_TSC_TRACEES) + "/" + name;
}

}  // namespace kvmtsc::testing
