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

// What is known of a VM before it is read.
VmState state_of(const OffsetSource& source, const FoundVm& vm) {
  VmState state;
  state.key = vm.key;
  state.identity = vm.identity;
  state.source = source.name();
  return state;
}

std::uint64_t saturated_sum(std::uint64_t a, std::uint64_t b) {
  return a + std::min(b, ~a);
}

std::string trust_reason(const VmState& state, const std::optional<Movement>& movement) {
  const Trust trust = state.reading->trust;
  if (trust == Trust::kTrusted) {
    return {};
  }
  if (trust == Trust::kOrphaned) {
    const pid_t holder = state.identity.holder;
    return "the VM's process has ended, and " +
           (holder == 0 ? std::string("something that could not be found")
                        : "process " + std::to_string(holder)) +
           " holds what is left of the VM: no guest runs";
  }
  return trust == Trust::kChanging && movement
             ? movement_text(*movement, told_frequency_error(state))
             : trust_explanation(trust);
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
  CollectorStatus status{std::string(listing.source->name()), true, {}, {}, true};
  if (auto listed = listing.source->list()) {
    listing.vms = *std::move(listed);
    read_vms(listing, snapshot);
  } else {
    status.success = false;
    status.error = listed.error();
    keep_unlisted(listing, listed.error(), snapshot);
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
  VmState state = state_of(source, vm);
  auto reading = source.read(
      vm.key, {clock_->thread_cpu() + options_.vm_cpu, clock_->monotonic() + options_.vm_patience});
  if (!reading && reading.error().kind == ErrorKind::kGone) {
    return std::nullopt;
  }
  Tracked& tracked = this->tracked(vm.key);
  if (reading) {
    state.reading = *std::move(reading);
    judge(state, tracked, host, source.kept_by_kvm());
    tracked.may_have_run = tracked.may_have_run || source.has_run(vm.key) != false;
    state.never_ran = !tracked.may_have_run;
    observe_clock(state);
    state.trust_reason = trust_reason(state, tracked.confirmation.movement());
    state.read_errors = tracked.read_errors;
  } else {
    note_failure(state, tracked, reading.error());
  }
  return state;
}

void Sweep::note_failure(VmState& state, Tracked& tracked, const Error& error) {
  state.error = error;
  state.read_errors = ++tracked.read_errors;
  state.steps = tracked.confirmation.steps();
  observe_clock(state);
}

void Sweep::observe_clock(VmState& state) {
  if (clocks_ != nullptr) {
    clocks_->observe(state);
  }
}

// Whether they have ended is not known, so nothing of them is forgotten.
void Sweep::keep_unlisted(const Listing& listing, const Error& error, Snapshot& snapshot) {
  for (const FoundVm& vm : listing.vms) {
    VmState state = state_of(*listing.source, vm);
    state.source_failed = true;
    note_failure(state, tracked(vm.key), error);
    snapshot.vms.push_back(std::move(state));
  }
}

Sweep::Tracked& Sweep::tracked(const VmKey& key) {
  return tracked_.try_emplace(key, Tracked{Confirmation(options_.interval / 2), {}}).first->second;
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
  state.steps = tracked.confirmation.steps();
  if (const auto movement = tracked.confirmation.movement()) {
    note_movement(state, *movement);
  } else {
    state.skew = analyse_skew(tracked.confirmation.confirmed(), reading.host_tsc_before,
                              reading.host_tsc_after);
  }
  if (state.skew) {
    state.frequency = guest_frequency(host, state.skew->reference_ratio);
  }
  if (state.identity.orphaned) {
    reading.trust = worse(reading.trust, Trust::kOrphaned);
  }
}

// What was confirmed once is no longer what the guest sees, and nothing newer will be confirmed:
// the skew is that of this reading, and as wrong as the offsets may be another at the next.
void Sweep::note_movement(VmState& state, const Movement& movement) {
  VmReading& reading = *state.reading;
  std::vector<VcpuReading> trusted;
  for (VcpuReading& vcpu : reading.vcpus) {
    if (vcpu.trust == Trust::kTrusted) {
      trusted.push_back(vcpu);
    }
    if (std::ranges::binary_search(movement.vcpus, vcpu.id)) {
      vcpu.trust = worse(vcpu.trust, Trust::kChanging);
    }
  }
  reading.trust = worse(reading.trust, Trust::kChanging);
  state.skew = analyse_skew(trusted, reading.host_tsc_before, reading.host_tsc_after);
  if (state.skew) {
    state.skew->bound_ticks = saturated_sum(state.skew->bound_ticks, movement.bound_ticks);
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
