// Qemu: a real qemu-system-x86_64 on KVM that runs nothing but its firmware.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "base/unique_fd.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/integration/process.h"

namespace kvmtsc::integration {

struct QemuOptions {
  std::string name;  // as -name takes it: a comma in a name is doubled
  std::string uuid;
  unsigned vcpus = 1;
  std::vector<std::string> more = {};     // arguments behind all others
  std::vector<std::string> wrapper = {};  // a program, with arguments, that becomes QEMU
};

class Qemu {
 public:
  // Starts it, and returns once QMP answers that the guest runs.
  static Result<std::unique_ptr<Qemu>> start(const QemuOptions& options);

  pid_t pid() const { return process_->pid(); }
  Process& process() { return *process_; }

  // The "return" of a QMP command without arguments; its "error" is an Error.
  Result<nlohmann::json> qmp(const std::string& command);

 private:
  Status connect();
  Result<nlohmann::json> read_message();

  TemporaryDirectory directory_;
  std::unique_ptr<Process> process_;
  UniqueFd monitor_;
  std::string received_;
};

}  // namespace kvmtsc::integration
