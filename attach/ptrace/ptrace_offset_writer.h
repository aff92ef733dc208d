// PtraceOffsetWriter: an OffsetWriter for running, unmodified VMMs.
#pragma once

#include <utility>

#include "attach/offset_writer.h"
#include "attach/ptrace/session.h"

namespace kvmtsc::injection {

class PtraceOffsetWriter : public OffsetWriter {
 public:
  explicit PtraceOffsetWriter(PtraceOptions options) : options_(std::move(options)) {}

  // kRefused also when a vCPU has not run yet: its thread is not known then.
  Result<WriteReport> write(const AttachTarget& vm, std::span<const WantedOffset> offsets,
                            MonotonicTime deadline) override;

 private:
  PtraceOptions options_;
};

}  // namespace kvmtsc::injection
