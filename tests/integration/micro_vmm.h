// MicroVmm: a running micro-vmm (tests/micro_vmm) and its protocol.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "tests/integration/process.h"

namespace kvmtsc::integration {

class MicroVmm {
 public:
  // Starts micro-vmm with these arguments and returns when its VMs are there. `wrapper` is a
  // program, with arguments, that becomes micro-vmm.
  static Result<std::unique_ptr<MicroVmm>> start(const std::vector<std::string>& arguments,
                                                 const std::vector<std::string>& wrapper = {});

  pid_t pid() const { return process_->pid(); }
  Process& process() { return *process_; }

  // Its ready line: {"pid", "vm": [{"index", "fd", "creator", "vcpus": [{"id", "tid"}]}]}.
  const nlohmann::json& ready() const { return ready_; }

  // "<creator>-<fd>" of a VM of the ready line: its directory in debugfs.
  std::string directory(std::size_t vm = 0) const;

  // The answer to one command; an {"error": ...} answer is an Error of kind kRefused.
  Result<nlohmann::json> command(const std::string& line);

 private:
  MicroVmm(std::unique_ptr<Process> process, nlohmann::json ready);

  std::unique_ptr<Process> process_;
  nlohmann::json ready_;
};

// A 64-bit number that the protocol writes as a string.
std::int64_t as_i64(const nlohmann::json& text);
std::uint64_t as_u64(const nlohmann::json& text);

}  // namespace kvmtsc::integration
