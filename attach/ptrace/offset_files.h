// OffsetFiles: a vCPU's offset from debugfs, which costs less than a call in the vCPU's thread.
//
// Opened before the thread is stopped and read once while it stands still (the files are made when
// they are read, and cannot be read twice; DESIGN fact 3).
#pragma once

#include <cstdint>
#include <optional>

#include "base/host_root.h"
#include "base/unique_fd.h"
#include "tsc/reading.h"
#include "tsc/vm.h"

namespace kvmtsc::injection {

class OffsetFiles {
 public:
  OffsetFiles(const HostRoot& root, const VmKey& vm, VcpuId vcpu);

  // What KVM_VCPU_TSC_OFFSET would say. Absent where only the call can tell: a nested guest's
  // offset is on top of it, or a file is missing. Allocates only then.
  std::optional<std::int64_t> read() const;

 private:
  UniqueFd guest_mode_;
  UniqueFd offset_;
};

}  // namespace kvmtsc::injection
