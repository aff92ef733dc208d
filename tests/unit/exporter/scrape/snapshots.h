// Snapshots for the tests of scrapes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "tsc/snapshot.h"

namespace kvmtsc {

inline SnapshotPtr snapshot_of(std::size_t vms, std::uint64_t sequence = 1) {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->sequence = sequence;
  for (std::size_t i = 0; i < vms; ++i) {
    VmState vm;
    vm.label = "vm-" + std::to_string(i);
    vm.reading.emplace().vcpus = {{0, 1, {}, Trust::kTrusted}, {1, 2, {}, Trust::kTrusted}};
    snapshot->vms.push_back(std::move(vm));
  }
  return snapshot;
}

}  // namespace kvmtsc
