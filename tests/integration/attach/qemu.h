// Qemu: a real QEMU with a guest that sits in its firmware, and its machine protocol.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "tests/integration/attach/process.h"

namespace kvmtsc::testing {

class Qemu {
 public:
  // Waits until it answers and all vCPUs have run. `valid()` is false when it does not come up.
  explicit Qemu(int vcpus);
  ~Qemu();

  bool valid() const { return valid_; }
  Process& process() { return *process_; }

  // Runs one command without arguments; false unless QEMU answers within 20 s that it did it.
  // "stop" answers only once every vCPU thread has left the guest, so that stop and cont together
  // show that each of them is alive.
  bool command(const std::string& name);
  bool stop_and_continue() { return command("stop") && command("cont"); }

 private:
  std::optional<std::string> receive();

  std::string directory_;
  std::unique_ptr<Process> process_;
  UniqueFd socket_;
  std::string received_;
  bool valid_ = false;
};

// Why no QEMU can be run here; absent if one can.
std::optional<std::string> missing_for_qemu();

}  // namespace kvmtsc::testing
