#include "api_world.h"

#include <utility>

namespace kvmtsc::fuzz {
namespace {

using std::chrono::seconds;

CorrectionOptions enabled() {
  CorrectionOptions options;
  options.enabled = true;
  return options;
}

VmState state_of(const FoundVm& found, VmReading reading) {
  VmState vm;
  vm.key = found.key;
  vm.identity = found.identity;
  vm.label = found.identity.name;
  vm.skew = analyse_skew(reading.vcpus, 0, 0);
  vm.frequency = Frequency{3e9, 1};
  for (const VcpuReading& vcpu : reading.vcpus) {
    vm.steps.push_back({vcpu.id, 0});
  }
  vm.reading = std::move(reading);
  return vm;
}

}  // namespace

Result<WriteReport> CountingWriter::write(const AttachTarget& vm,
                                          std::span<const WantedOffset> offsets,
                                          MonotonicTime deadline) {
  ++writes;
  if (!ignores) {
    return writer_->write(vm, offsets, deadline);
  }
  WriteReport report;
  report.outcome = WriteOutcome::kApplied;
  for (const WantedOffset& wanted : offsets) {
    VcpuWrite vcpu;
    vcpu.id = wanted.id;
    vcpu.wanted = wanted.offset;
    vcpu.before = vcpu.read_back = wanted.expected;
    vcpu.accepted = true;
    if (!vcpu.applied()) {
      vcpu.after_rollback = vcpu.before;
      report.outcome = WriteOutcome::kRolledBack;
    }
    report.vcpus.push_back(std::move(vcpu));
  }
  return report;
}

ApiWorld::ApiWorld()
    : service_(enabled(), {&writer_, &attach_, &journal_, &clock_, [this] { return latest_; },
                           [](const VmIdentity&) { return false; }, [] {}}) {
  ApiSources sources;
  sources.latest = [this] { return latest_; };
  sources.facts = [] { return ApiFacts{"1.0", "abc", "correct", seconds(5), true, seconds(1)}; };
  sources.corrections = &service_;
  sources.journal = &journal_;
  sources.clock = &clock_;
  add_api_routes(router_, sources);
  sweep_once();
}

void ApiWorld::sweep_once() {
  clock_.advance(seconds(1));
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->sequence = ++sequence_;
  snapshot->host.clocksource = "tsc";
  for (const FoundVm& found : *fleet_.list()) {
    snapshot->vms.push_back(state_of(found, *fleet_.read(found.key, {})));
  }
  latest_ = std::move(snapshot);
  service_.observe(*latest_);
}

void ApiWorld::sweep() {
  service_.run_queued();
  sweep_once();
  sweep_once();
}

}  // namespace kvmtsc::fuzz
