// OffsetFiles: a vCPU's offset from debugfs, which costs less than a call in the vCPU's thread.
//
// Opened before the thread is stopped and read while it stands still, before and after a write. An
// open file is made when it is read and cannot be read twice (DESIGN fact 3), so each reading has
// its own.
#pragma once

#include <array>
#include <cstddef>
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
  // offset is on top of it, a file is missing, or it has been read kReadings times.
  std::optional<std::int64_t> read();

 private:
  static constexpr std::size_t kReadings = 2;
  struct Reading {
    UniqueFd guest_mode;
    UniqueFd offset;
  };

  std::array<Reading, kReadings> readings_;
  std::size_t used_ = 0;
};

}  // namespace kvmtsc::injection
