#include "collectors/simulated/attach.h"

#include <algorithm>
#include <string>

namespace kvmtsc {
namespace {

// As long as attaching to a small QEMU was seen to take (docs/benchmarks.md).
constexpr Nanoseconds kClockHold = std::chrono::microseconds(50);
constexpr Nanoseconds kVcpuHold = std::chrono::microseconds(300);
constexpr Nanoseconds kReadingError = std::chrono::microseconds(1);

constexpr std::uint32_t kFrequencyKhz = 3'000'000;

Error not_allowed(const char* what) {
  return Error{ErrorKind::kRefused, std::string(what) + " of real VMs is off", "see --attach.mode"};
}

bool same_timeline(const VcpuReading& a, const VcpuReading& b) {
  return a.offset == b.offset && a.ratio == b.ratio;
}

}  // namespace

Result<ClockReading> SimulatedAttach::read_clock(const AttachTarget& vm, MonotonicTime deadline) {
  if (!SimulatedFleet::owns(vm.key)) {
    return clocks_ != nullptr ? clocks_->read_clock(vm, deadline) : not_allowed("reading clocks");
  }
  const auto reading = fleet_->read(vm.key, {});
  if (!reading) {
    return reading.error();
  }
  ClockReading clock;
  clock.held = kClockHold;
  clock.triple.host_tsc = clock_->host_tsc();
  clock.triple.kvmclock_ns = static_cast<std::uint64_t>(clock_->monotonic_raw().count());
  clock.triple.realtime = clock_->realtime();
  clock.triple.bound = kReadingError;
  const bool equal = std::ranges::all_of(reading->vcpus, [&](const VcpuReading& vcpu) {
    return same_timeline(vcpu, reading->vcpus.front());
  });
  if (equal) {
    clock.triple.flags = ClockTriple::kTscStable | ClockTriple::kRealtime | ClockTriple::kHostTsc;
  } else {
    clock.triple.bracketed = true;
  }
  return clock;
}

Result<VcpuFrequency> SimulatedAttach::read_frequency(const AttachTarget& vm, VcpuId vcpu,
                                                      MonotonicTime deadline) {
  if (!SimulatedFleet::owns(vm.key)) {
    return clocks_ != nullptr ? clocks_->read_frequency(vm, vcpu, deadline)
                              : not_allowed("reading frequencies");
  }
  return VcpuFrequency{vcpu, kFrequencyKhz, kVcpuHold};
}

Result<ForeseenWrite> SimulatedAttach::foresee(const AttachTarget& vm,
                                               std::span<const VcpuId> vcpus) const {
  if (SimulatedFleet::owns(vm.key)) {
    return ForeseenWrite{};
  }
  return writer_ != nullptr ? writer_->foresee(vm, vcpus) : not_allowed("correcting offsets");
}

std::string SimulatedAttach::why_ignored(const AttachTarget& vm) const {
  return SimulatedFleet::owns(vm.key) || writer_ == nullptr ? "" : writer_->why_ignored(vm);
}

Result<WriteReport> SimulatedAttach::write(const AttachTarget& vm,
                                           std::span<const WantedOffset> offsets,
                                           MonotonicTime deadline) {
  if (!SimulatedFleet::owns(vm.key)) {
    return writer_ != nullptr ? writer_->write(vm, offsets, deadline)
                              : not_allowed("correcting offsets");
  }
  const auto before = fleet_->read(vm.key, {});
  if (!before) {
    return before.error();
  }
  WriteReport report;
  for (const WantedOffset& wanted : offsets) {
    const auto found = std::ranges::find(before->vcpus, wanted.id, &VcpuReading::id);
    const std::string name = vcpu_name(wanted.id);
    if (found == before->vcpus.end()) {
      return Error{ErrorKind::kRefused, name + " does not exist", {}};
    }
    if (wanted.expected && *wanted.expected != found->offset) {
      return Error{ErrorKind::kConflict, name + "'s offset has changed", "make a new plan"};
    }
    VcpuWrite& write = report.vcpus.emplace_back();
    write.id = wanted.id;
    write.wanted = wanted.offset;
    write.before = found->offset;
    write.accepted = true;
    write.read_back = wanted.offset;
    write.held = kVcpuHold;
    if (wanted.rearm) {
      write.timer = VcpuTimer{VcpuTimer::State::kRearmed, {}};
    }
  }
  for (const WantedOffset& wanted : offsets) {
    fleet_->set_offset(vm.key, wanted.id, wanted.offset);
  }
  std::ranges::sort(report.vcpus, {}, &VcpuWrite::id);
  report.outcome = WriteOutcome::kApplied;
  report.held = kVcpuHold;
  return report;
}

}  // namespace kvmtsc
