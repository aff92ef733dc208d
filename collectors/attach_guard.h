// AttachGuard: stands before every way to attach to a VM, and asks the operator's rules each time.
#pragma once

#include <memory>
#include <mutex>

#include "attach/clock_source.h"
#include "attach/offset_writer.h"
#include "base/host_root.h"
#include "collectors/attach_rules.h"

namespace kvmtsc {

// Any thread.
class AttachGuard {
 public:
  AttachGuard(HostRoot root, AttachRules rules);

  // kExcluded. Name and uuid are those the VM was found with; command line and cgroup are read now,
  // so that a process that is moved to another cgroup is judged by where it is. Where there is no
  // such process both are empty: of one that has ended nothing can be stopped, and a simulated VM
  // has none.
  Status admit(const AttachTarget& vm) const;

  // Counts at once.
  void set_rules(AttachRules rules);

 private:
  HostRoot root_;
  mutable std::mutex mutex_;
  std::shared_ptr<const AttachRules> rules_;  // guarded by mutex_; never null
};

// Passes on to `source` what `guard` admits; both outlive it.
class GuardedClockSource final : public ClockSource {
 public:
  GuardedClockSource(const AttachGuard& guard, ClockSource& source)
      : guard_(&guard), source_(&source) {}

  bool covers(const VmKey& vm) const override { return source_->covers(vm); }
  std::optional<CallFilters> call_filters(const VmKey& vm) const override {
    return source_->call_filters(vm);
  }
  Result<ClockReading> read_clock(const AttachTarget& vm, MonotonicTime deadline) override;
  Result<VcpuFrequency> read_frequency(const AttachTarget& vm, VcpuId vcpu,
                                       MonotonicTime deadline) override;

 private:
  const AttachGuard* guard_;
  ClockSource* source_;
};

// Likewise.
class GuardedOffsetWriter final : public OffsetWriter {
 public:
  GuardedOffsetWriter(const AttachGuard& guard, OffsetWriter& writer)
      : guard_(&guard), writer_(&writer) {}

  Result<ForeseenWrite> foresee(const AttachTarget& vm,
                                std::span<const VcpuId> vcpus) const override;
  std::string why_ignored(const AttachTarget& vm) const override {
    return writer_->why_ignored(vm);
  }
  Result<WriteReport> write(const AttachTarget& vm, std::span<const WantedOffset> offsets,
                            MonotonicTime deadline) override;

 private:
  const AttachGuard* guard_;
  OffsetWriter* writer_;
};

}  // namespace kvmtsc
