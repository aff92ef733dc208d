// SimulatedAttach: clocks and offsets of the simulated fleet's VMs, as attaching to real ones would
// give them, so that the demo can show corrections where no guest can be harmed. Sampling thread
// only.
#pragma once

#include "attach/clock_source.h"
#include "attach/offset_writer.h"
#include "collectors/simulated/fleet.h"

namespace kvmtsc {

class SimulatedAttach final : public ClockSource, public OffsetWriter {
 public:
  // Other VMs are passed on to `clocks` and `writer`; null refuses them. All outlive this.
  SimulatedAttach(SimulatedFleet& fleet, const Clock& clock, ClockSource* clocks,
                  OffsetWriter* writer)
      : fleet_(&fleet), clock_(&clock), clocks_(clocks), writer_(writer) {}

  bool covers(const VmKey& vm) const override {
    return SimulatedFleet::owns(vm) || clocks_ != nullptr;
  }
  std::optional<CallFilters> call_filters(const VmKey& vm) const override {
    return SimulatedFleet::owns(vm) || clocks_ == nullptr ? std::nullopt
                                                          : clocks_->call_filters(vm);
  }
  Result<ClockReading> read_clock(const AttachTarget& vm, MonotonicTime deadline) override;
  Result<VcpuFrequency> read_frequency(const AttachTarget& vm, VcpuId vcpu,
                                       MonotonicTime deadline) override;
  Result<ForeseenWrite> foresee(const AttachTarget& vm,
                                std::span<const VcpuId> vcpus) const override;
  std::string why_ignored(const AttachTarget& vm) const override;
  Result<WriteReport> write(const AttachTarget& vm, std::span<const WantedOffset> offsets,
                            MonotonicTime deadline) override;

 private:
  SimulatedFleet* fleet_;
  const Clock* clock_;
  ClockSource* clocks_;
  OffsetWriter* writer_;
};

}  // namespace kvmtsc
