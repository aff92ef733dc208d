#include "tsc/snapshot.h"

#include <algorithm>

namespace kvmtsc {

std::optional<bool> master_clock(const VmState& vm) {
  return vm.clock && !vm.never_ran ? std::optional(vm.clock->master_clock()) : std::nullopt;
}

std::optional<double> told_frequency_error(const VmState& vm) {
  if (!vm.tsc_khz || *vm.tsc_khz == 0 || !vm.frequency) {
    return std::nullopt;
  }
  return vm.frequency->hertz / (1000.0 * *vm.tsc_khz) - 1;
}

std::vector<const CollectorStatus*> blind_collectors(const Snapshot& snapshot) {
  std::vector<const CollectorStatus*> blind;
  for (const CollectorStatus& collector : snapshot.collectors) {
    if (collector.lists_vms && collector.error) {
      blind.push_back(&collector);
    }
  }
  return blind;
}

VmsKnown vms_known(const Snapshot& snapshot) {
  const std::size_t blind = blind_collectors(snapshot).size();
  if (blind == 0) {
    return VmsKnown::kAll;
  }
  const auto sources = std::ranges::count_if(snapshot.collectors, &CollectorStatus::lists_vms);
  return blind == static_cast<std::size_t>(sources) ? VmsKnown::kNone : VmsKnown::kSome;
}

}  // namespace kvmtsc
