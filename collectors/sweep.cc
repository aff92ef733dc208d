#include "collectors/sweep.h"

#include <algorithm>
#include <set>
#include <utility>

namespace kvmtsc {
namespace {

// The frequency of the guest's TSC: the host's, by the ratio that the reference vCPU runs at.
std::optional<Frequency> guest_frequency(const HostClock& host, ScalingRatio ratio) {
  if (!host.tsc_frequency) {
    return std::nullopt;
  }
  const double factor = to_double(ratio);
  return Frequency{host.tsc_frequency->hertz * factor, host.tsc_frequency->bound_hertz * factor};
}

bool has_vanished(const Error& error) {
  return error.kind == ErrorKind::kGone || error.kind == ErrorKind::kNotFound;
}

}  // namespace

Sweep::Sweep(SweepOptions options, const Clock& clock, HostClockSource& host_clock,
             const std::vector<OffsetSource*>& sources, ClockSampling* clocks)
    : options_(options), clock_(&clock), host_clock_(&host_clock), clocks_(clocks) {
  for (OffsetSource* source : sources) {
    listings_.push_back({source, {}});
  }
}

std::shared_ptr<Snapshot> Sweep::run() {
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->sequence = ++sequence_;
  snapshot->host = read_host_clock(*snapshot);
  if (clocks_ != nullptr) {
    clocks_->begin_sweep();
  }
  for (Listing& listing : listings_) {
    sweep_source(listing, *snapshot);
  }
  label(*snapshot);
  drop_vanished();
  if (clocks_ != nullptr) {
    snapshot->holds = clocks_->holds();
  }
  snapshot->taken = clock_->monotonic();
  snapshot->taken_real = clock_->realtime();
  return snapshot;
}

void Sweep::set_options(SweepOptions options) {
  options_ = options;
  for (auto& [key, tracked] : tracked_) {
    tracked.confirmation.set_spacing(options.interval / 2);
  }
}

HostClock Sweep::read_host_clock(Snapshot& snapshot) {
  const MonotonicTime start = clock_->monotonic();
  auto host = host_clock_->read();
  CollectorStatus status{"host_clock", host.ok(), clock_->monotonic() - start, {}};
  if (!host) {
    status.error = host.error();
  }
  snapshot.collectors.push_back(std::move(status));
  return host ? *std::move(host) : HostClock{};
}

void Sweep::sweep_source(Listing& listing, Snapshot& snapshot) {
  const MonotonicTime start = clock_->monotonic();
  CollectorStatus status{std::string(listing.source->name()), true, {}, {}};
  if (auto listed = listing.source->list()) {
    listing.vms = *std::move(listed);
    read_vms(listing, snapshot);
  } else {
    status.success = false;
    status.error = listed.error();
  }
  status.duration = clock_->monotonic() - start;
  snapshot.collectors.push_back(std::move(status));
}

void Sweep::read_vms(Listing& listing, Snapshot& snapshot) {
  std::erase_if(listing.vms, [&](const FoundVm& vm) {
    auto state = read_vm(*listing.source, vm, snapshot.host);
    if (!state) {
      return true;
    }
    snapshot.vms.push_back(*std::move(state));
    return false;
  });
}

std::optional<VmState> Sweep::read_vm(OffsetSource& source, const FoundVm& vm,
                                      const HostClock& host) {
  VmState state;
  state.key = vm.key;
  state.identity = vm.identity;
  state.source = source.name();
  auto reading = source.read(vm.key, clock_->monotonic() + options_.vm_deadline);
  if (!reading && has_vanished(reading.error())) {
    return std::nullopt;
  }
  Tracked& tracked =
      tracked_.try_emplace(vm.key, Tracked{Confirmation(options_.interval / 2), {}}).first->second;
  if (reading) {
    state.reading = *std::move(reading);
    judge(state, tracked, host, source.kept_by_kvm());
    if (clocks_ != nullptr) {
      clocks_->observe(state);
    }
  } else {
    state.error = reading.error();
    ++tracked.read_errors;
  }
  state.read_errors = tracked.read_errors;
  return state;
}

void Sweep::judge(VmState& state, Tracked& tracked, const HostClock& host, bool kept_by_kvm) const {
  VmReading& reading = *state.reading;
  if (kept_by_kvm && !host.tsc_is_stable()) {
    reading.trust = worse(reading.trust, Trust::kUnstableHostTsc);
  }
  if (tracked.resume.torn(reading, clock_->suspended())) {
    reading.trust = worse(reading.trust, Trust::kTorn);
    for (VcpuReading& vcpu : reading.vcpus) {
      vcpu.trust = worse(vcpu.trust, Trust::kTorn);
    }
  }
  tracked.confirmation.observe(reading);
  for (const VcpuReading& vcpu : reading.vcpus) {
    state.steps.push_back(tracked.confirmation.steps(vcpu.id));
  }
  state.skew = analyse_skew(tracked.confirmation.confirmed(), reading.host_tsc_before,
                            reading.host_tsc_after);
  if (state.skew) {
    state.frequency = guest_frequency(host, state.skew->reference_ratio);
  }
}

void Sweep::label(Snapshot& snapshot) {
  std::vector<FoundVm> all;
  for (const Listing& listing : listings_) {
    all.insert(all.end(), listing.vms.begin(), listing.vms.end());
  }
  auto labels = labels_.assign(all);
  for (VmState& vm : snapshot.vms) {
    vm.label = labels[vm.key];
  }
  std::ranges::sort(snapshot.vms, {}, &VmState::label);
}

void Sweep::drop_vanished() {
  std::set<VmKey> listed;
  for (const Listing& listing : listings_) {
    for (const FoundVm& vm : listing.vms) {
      listed.insert(vm.key);
    }
  }
  std::erase_if(tracked_, [&](const auto& entry) { return !listed.contains(entry.first); });
  if (clocks_ != nullptr) {
    clocks_->keep_only(listed);
  }
}

}  // namespace kvmtsc
