#include "tests/integration/qemu.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "tests/integration/eventually.h"

namespace kvmtsc::integration {
namespace {

constexpr Milliseconds kPatience{15000};

}  // namespace

Result<std::unique_ptr<Qemu>> Qemu::start(const QemuOptions& options) {
  auto qemu = std::make_unique<Qemu>();
  const std::string socket = qemu->directory_.path() + "/qmp.sock";
  std::vector<std::string> command = options.wrapper;
  const std::vector<std::string> ours{"qemu-system-x86_64",
                                      "-accel",
                                      "kvm",
                                      "-cpu",
                                      "qemu64",
                                      "-m",
                                      "32",
                                      "-smp",
                                      std::to_string(options.vcpus),
                                      "-name",
                                      options.name,
                                      "-uuid",
                                      options.uuid,
                                      "-nodefaults",
                                      "-no-user-config",
                                      "-nographic",
                                      "-display",
                                      "none",
                                      "-net",
                                      "none",
                                      "-qmp",
                                      "unix:" + socket + ",server=on,wait=off"};
  command.insert(command.end(), ours.begin(), ours.end());
  command.insert(command.end(), options.more.begin(), options.more.end());
  auto process = Process::start(std::move(command));
  if (!process) {
    return process.error();
  }
  qemu->process_ = std::move(*process);
  if (Status connected = qemu->connect(); !connected) {
    return connected.error();
  }
  if (auto greeting = qemu->read_message(); !greeting) {
    return greeting.error();
  }
  if (auto capabilities = qemu->qmp("qmp_capabilities"); !capabilities) {
    return capabilities.error();
  }
  Result<nlohmann::json> status = Error{};
  const bool running = eventually(kPatience, [&] {
    status = qemu->qmp("query-status");
    return !status || (*status)["running"] == true;
  });
  if (!status) {
    return status.error();
  }
  if (!running) {
    return Error{ErrorKind::kTimeout, "the guest does not run: " + status->dump(), ""};
  }
  return qemu;
}

Status Qemu::connect() {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = directory_.path() + "/qmp.sock";
  std::copy_n(path.begin(), std::min(path.size(), sizeof(address.sun_path) - 1), address.sun_path);
  const bool connected = eventually(kPatience, [&] {
    monitor_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    return ::connect(monitor_.get(), reinterpret_cast<const sockaddr*>(&address),
                     sizeof(address)) == 0 ||
           process_->wait_exit(Milliseconds{0}).ok();
  });
  if (!connected || process_->wait_exit(Milliseconds{0}).ok()) {
    return Error{ErrorKind::kIo, "QEMU does not answer on QMP: " + process_->error_output(), ""};
  }
  const timeval patience{5, 0};
  ::setsockopt(monitor_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  return ok_status();
}

Result<nlohmann::json> Qemu::read_message() {
  std::size_t end = received_.find('\n');
  std::array<char, 4096> buffer{};
  while (end == std::string::npos) {
    const ssize_t count = ::recv(monitor_.get(), buffer.data(), buffer.size(), 0);
    if (count <= 0) {
      return errno_error(count < 0 ? errno : ECONNRESET, "reading from QMP");
    }
    received_.append(buffer.data(), static_cast<std::size_t>(count));
    end = received_.find('\n');
  }
  auto message = nlohmann::json::parse(received_.substr(0, end), nullptr, false);
  received_.erase(0, end + 1);
  if (message.is_discarded()) {
    return Error{ErrorKind::kInvalid, "QMP did not send JSON", ""};
  }
  return message;
}

Result<nlohmann::json> Qemu::qmp(const std::string& command) {
  const std::string text = nlohmann::json{{"execute", command}}.dump() + "\n";
  if (::send(monitor_.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) {
    return errno_error(errno, "writing to QMP");
  }
  while (true) {
    auto message = read_message();
    if (!message) {
      return message.error();
    }
    if (message->contains("return")) {
      return (*message)["return"];
    }
    if (message->contains("error")) {
      return Error{ErrorKind::kRefused, command + ": " + message->dump(), ""};
    }
  }
}

}  // namespace kvmtsc::integration
