#include "exporter/sweep_log.h"

#include <set>

#include "exporter/log/log.h"

namespace kvmtsc {
namespace {

// What keeps the VM's numbers from being complete and believed; kind kIo with an empty message if
// nothing does.
Error trouble_of(const VmState& vm) {
  if (vm.error) {
    return *vm.error;
  }
  if (!vm.reading->unreadable.empty()) {
    const VcpuProblem& first = vm.reading->unreadable.front();
    Error error = first.error;
    error.message = std::to_string(vm.reading->unreadable.size()) +
                    " vCPUs cannot be read, the first is " + std::to_string(first.id) + ": " +
                    error.message;
    return error;
  }
  if (vm.clock_error && vm.clock_error->kind != ErrorKind::kExcluded) {
    return *vm.clock_error;
  }
  if (vm.reading->trust >= Trust::kTorn) {
    return Error{ErrorKind::kInvalid, vm.trust_reason, {}};
  }
  return Error{};  // nested and changed come and go with what the guest does
}

// What makes one trouble another: the words of a movement tell how long it has lasted.
std::string name_of(const Error& trouble, const VmState& vm) {
  const bool untrusted = !vm.error && vm.reading->trust >= Trust::kTorn;
  return untrusted && trouble.message == vm.trust_reason ? trust_name(vm.reading->trust)
                                                         : trouble.message;
}

log::Fields vm_fields(const VmState& vm) {
  return {{"vm", vm.label},
          {"key", directory_name(vm.key)},
          {"pid", vm.identity.pid == 0 ? "" : std::to_string(vm.identity.pid)},
          {"vmm", vm.identity.vmm},
          {"uuid", vm.identity.uuid}};
}

}  // namespace

void SweepLog::observe(const Snapshot& snapshot) {
  if (snapshot.no_priority && !told_of_priority_) {
    log::warn("sampling has no priority", log::with_error({}, *snapshot.no_priority));
    told_of_priority_ = true;
  }
  observe_collectors(snapshot);
  observe_vms(snapshot);
}

void SweepLog::observe_collectors(const Snapshot& snapshot) {
  for (const CollectorStatus& collector : snapshot.collectors) {
    std::string& known = collector_troubles_[collector.name];
    const std::string now = collector.error ? collector.error->text() : "";
    if (now == known) {
      continue;
    }
    if (collector.error) {
      log::warn("collector failed",
                log::with_error({{"collector", collector.name}}, *collector.error));
    } else {
      log::info("collector works again", {{"collector", collector.name}});
    }
    known = now;
  }
}

void SweepLog::observe_vms(const Snapshot& snapshot) {
  std::set<VmKey> present;
  for (const VmState& vm : snapshot.vms) {
    present.insert(vm.key);
    const auto [entry, is_new] = vms_.try_emplace(vm.key, Vm{vm.label, {}});
    if (is_new || entry->second.label != vm.label) {
      log::info(is_new ? "VM found" : "VM renamed", vm_fields(vm));
      entry->second.label = vm.label;
    }
    if (vm.source_failed) {
      continue;  // the collector's line says it, once for all of them
    }
    const Error trouble = trouble_of(vm);
    const std::string name = name_of(trouble, vm);
    if (name == entry->second.trouble) {
      continue;
    }
    if (trouble.message.empty()) {
      log::info("VM is well again", {{"vm", vm.label}});
    } else {
      log::warn("VM has trouble", log::with_error({{"vm", vm.label}}, trouble));
    }
    entry->second.trouble = name;
  }
  std::erase_if(vms_, [&](const auto& entry) {
    if (present.contains(entry.first)) {
      return false;
    }
    log::info("VM gone", {{"vm", entry.second.label}, {"key", directory_name(entry.first)}});
    return true;
  });
}

}  // namespace kvmtsc
