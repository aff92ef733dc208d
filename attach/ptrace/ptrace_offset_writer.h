// PtraceOffsetWriter: an OffsetWriter for running, unmodified VMMs.
#pragma once

#include <span>
#include <string>
#include <utility>

#include "attach/offset_writer.h"
#include "attach/ptrace/session.h"

namespace kvmtsc::injection {

class PtraceOffsetWriter : public OffsetWriter {
 public:
  explicit PtraceOffsetWriter(PtraceOptions options) : options_(std::move(options)) {}

  // A vCPU that no thread runs is written by a thread of the process that is no vCPU's
  // (parked_vcpus.h).
  Result<ForeseenWrite> foresee(const AttachTarget& vm,
                                std::span<const VcpuId> vcpus) const override;
  std::string why_ignored(const AttachTarget& vm) const override;

  Result<WriteReport> write(const AttachTarget& vm, std::span<const WantedOffset> offsets,
                            MonotonicTime deadline) override;

 private:
  PtraceOptions options_;
};

}  // namespace kvmtsc::injection
