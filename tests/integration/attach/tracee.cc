#include "tests/integration/attach/tracee.h"

#include <signal.h>

#include <chrono>

#include "attach/ptrace/thread_facts.h"

namespace kvmtsc::testing {

using integration::Milliseconds;

Tracee::Tracee(std::string program, const std::vector<std::string>& arguments) {
  constexpr Milliseconds kPatience{20'000};
  if (program.find('/') == std::string::npos) {
    program = std::string(KVM_TSC_TRACEES) + "/" + program;
  }
  std::vector<std::string> command{std::move(program)};
  command.insert(command.end(), arguments.begin(), arguments.end());
  if (auto process = integration::Process::start(std::move(command))) {
    process_ = *std::move(process);
    valid_ = process_->read_line(kPatience).ok();
  }
}

char Tracee::state() const {
  const auto facts = injection::read_thread_facts(HostRoot{}, pid(), injection::Tid{pid()});
  return facts ? facts->state : '?';
}

void Tracee::send(int signal) const {
  (void)process_->send_signal(signal);
}

std::optional<int> Tracee::wait(double seconds) {
  if (!process_) {
    return -1;
  }
  const auto status = process_->wait_exit(Milliseconds{static_cast<std::int64_t>(seconds * 1000)});
  if (!status) {
    return std::nullopt;
  }
  return status->signal != 0 ? 128 + status->signal : status->code;
}

}  // namespace kvmtsc::testing
