// Debugfs: what the kernel itself says of this host's VMs, to hold the service's word against.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "tests/integration/temp_dir.h"
#include "tsc/reading.h"
#include "tsc/vm.h"

namespace kvmtsc::integration {

class Debugfs {
 public:
  // /sys/kernel/debug where it is mounted and may be read; else, for root, a mount of its own in a
  // temporary directory, undone at the end. An error otherwise: skip the test.
  static Result<std::unique_ptr<Debugfs>> open();
  ~Debugfs();
  Debugfs(const Debugfs&) = delete;
  Debugfs& operator=(const Debugfs&) = delete;

  const std::string& path() const { return path_; }

  // `vm` is "<creator>-<fd>".
  bool has_vm(const std::string& vm) const;
  Result<std::vector<VcpuId>> vcpus(const std::string& vm) const;  // ascending
  Result<std::int64_t> tsc_offset(const std::string& vm, VcpuId vcpu) const;

 private:
  Debugfs() = default;

  std::unique_ptr<TempDir> mount_point_;  // null where the host's own mount serves
  std::string path_;
};

}  // namespace kvmtsc::integration
