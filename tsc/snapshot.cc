#include "tsc/snapshot.h"

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

}  // namespace kvmtsc
