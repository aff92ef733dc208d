#include "tests/integration/attach/qemu.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "attach/ptrace/vm_access.h"
#include "tests/integration/attach/vm_fixture.h"

namespace kvmtsc::testing {
namespace {

constexpr int kPatienceMs = 20'000;

bool all_have_run(pid_t process, int vcpus) {
  const auto directories = injection::read_vm_directories(HostRoot{}, process);
  return directories && directories->size() == 1 &&
         std::count_if(directories->front().vcpus.begin(), directories->front().vcpus.end(),
                       [](const auto& vcpu) { return vcpu.second.has_value(); }) == vcpus;
}

}  // namespace

Qemu::Qemu(int vcpus) {
  std::string pattern = std::filesystem::temp_directory_path() / "kvmtsc-qemu-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) {
    return;
  }
  directory_ = pattern;
  const std::string path = directory_ + "/qmp";
  process_ = std::make_unique<Process>(
      std::vector<std::string>{"qemu-system-x86_64", "-accel", "kvm", "-cpu", "qemu64", "-smp",
                               std::to_string(vcpus), "-m", "64", "-display", "none", "-nodefaults",
                               "-no-user-config", "-serial", "none", "-qmp",
                               "unix:" + path + ",server=on,wait=off"},
      false);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  for (int tries = 0; tries < kPatienceMs / 10 && process_->running(); ++tries) {
    socket_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
        0) {
      break;
    }
    ::usleep(10'000);
  }
  if (!process_->running() || !receive() || !command("qmp_capabilities")) {
    return;
  }
  for (int tries = 0; tries < kPatienceMs / 10 && !valid_; ++tries) {
    valid_ = all_have_run(process_->pid(), vcpus);
    ::usleep(10'000);
  }
}

Qemu::~Qemu() {
  process_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::optional<std::string> Qemu::receive() {
  for (;;) {
    const auto end = received_.find('\n');
    if (end != std::string::npos) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      return line;
    }
    pollfd poll{socket_.get(), POLLIN, 0};
    std::array<char, 4096> buffer{};
    if (::poll(&poll, 1, kPatienceMs) <= 0) {
      return std::nullopt;
    }
    const ssize_t got = ::read(socket_.get(), buffer.data(), buffer.size());
    if (got <= 0) {
      return std::nullopt;
    }
    received_.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

bool Qemu::command(const std::string& name) {
  const std::string text = "{\"execute\": \"" + name + "\"}\n";
  if (::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(text.size())) {
    return false;
  }
  while (const auto line = receive()) {
    if (line->find("\"return\"") != std::string::npos) {
      return true;
    }
    if (line->find("\"error\"") != std::string::npos) {
      return false;
    }  // anything else is an event
  }
  return false;
}

std::optional<std::string> missing_for_qemu() {
  if (auto missing = missing_for_vms()) {
    return missing;
  }
  if (::access("/usr/bin/qemu-system-x86_64", X_OK) != 0) {
    return "needs qemu-system-x86_64";
  }
  return std::nullopt;
}

}  // namespace kvmtsc::testing
