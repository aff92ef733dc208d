#include "collectors/clock_sampling.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tsc/scaling.h"

namespace kvmtsc {
namespace {

// The reference vCPU's last confirmed reading; null while there is none.
const VcpuReading* reference_of(const VmState& state) {
  if (!state.reading || !state.skew) {
    return nullptr;
  }
  const auto found =
      std::ranges::find(state.reading->vcpus, state.skew->reference, &VcpuReading::id);
  return found == state.reading->vcpus.end() ? nullptr : &*found;
}

std::uint64_t steps_of(const VmState& state, VcpuId id) {
  const auto found = std::ranges::find(state.steps, id, &VcpuSteps::id);
  return found == state.steps.end() ? 0 : found->count;
}

// KVM turns ticks into kvmclock by the host TSC's frequency in whole kHz, and now and then takes
// the kernel's own time instead, which runs at the frequency we measured (kvm_get_time_scale() and
// pvclock_update_vm_gtod_copy() in arch/x86/kvm/x86.c). Either is right: their difference is part
// of the error.
Frequency kvmclock_frequency(const Frequency& measured, ScalingRatio ratio) {
  const double scale = to_double(ratio);
  const double nominal = std::round(measured.hertz / scale / 1000) * 1000 * scale;
  return {nominal, measured.bound_hertz + std::abs(measured.hertz - nominal)};
}

Error unknown_process(const VmIdentity& identity) {
  Error error = identity.process_unknown.value_or(
      Error{ErrorKind::kNotFound, "the process that owns the VM is not known", {}});
  error.message = "the clock cannot be read: " + error.message;
  return error;
}

}  // namespace

void ClockSampling::observe(VmState& state) {
  if (!source_->covers(state.key)) {
    return;
  }
  Tracked& tracked = tracked_[state.key];
  state.clock_wanted = true;
  state.clock_errors = tracked.errors;
  if (!state.reading) {
    return;
  }
  const MonotonicTime now = clock_->monotonic();
  // What the clock said before the first vCPU ran is no word on the master clock.
  const bool started = tracked.never_ran && !state.never_ran;
  if ((now >= tracked.due || started) && within_budget()) {
    tracked.due = now + options_.interval;
    read_clock(state, tracked);
  }
  const bool excluded = tracked.error && tracked.error->kind == ErrorKind::kExcluded;
  if (options_.frequencies && state.identity.pid != 0 && !excluded) {
    read_frequencies(state, tracked);
  }
  state.clock = tracked.clock;
  state.never_ran = tracked.never_ran;
  state.clock_taken = tracked.taken;
  state.divergence = tracked.divergence;
  state.clock_error = tracked.error;
  state.call_filters = source_->call_filters(state.key);
  state.clock_errors = tracked.errors;
  if (const VcpuReading* reference = reference_of(state)) {
    if (const auto known = tracked.frequencies.find(reference->id);
        known != tracked.frequencies.end()) {
      state.tsc_khz = known->second.khz;
    }
  }
}

void ClockSampling::read_clock(const VmState& state, Tracked& tracked) {
  auto reading = state.identity.pid == 0
                     ? Result<ClockReading>(unknown_process(state.identity))
                     : source_->read_clock(attach_target(state.key, state.identity), deadline());
  tracked.divergence.reset();
  if (!reading) {
    tracked.clock.reset();
    const bool ending = state.identity.pid != 0 && reading.error().kind == ErrorKind::kGone;
    if (ending && !std::exchange(tracked.seemed_gone, true)) {
      tracked.due = MonotonicTime{};
      return;  // no trouble of ours: the next sweep will not list it. If it does, it is one.
    }
    if (state.identity.pid == 0) {
      tracked.due = MonotonicTime{};  // no thread was held: as soon as the process is known
    }
    tracked.error = reading.error();
    // What the operator will not have done is no failure.
    tracked.errors += tracked.error->kind == ErrorKind::kExcluded ? 0U : 1U;
    return;
  }
  tracked.seemed_gone = false;
  holds_.others.observe(reading->held);
  tracked.clock = reading->triple;
  tracked.taken = clock_->monotonic();
  tracked.never_ran = state.never_ran;
  tracked.error.reset();
  const VcpuReading* reference = reference_of(state);
  if (reference != nullptr && state.frequency) {
    tracked.divergence = tracked.kvmclock.observe(
        reading->triple, guest_tsc(reading->triple.host_tsc, reference->ratio, reference->offset),
        kvmclock_frequency(*state.frequency, reference->ratio));
  }
}

void ClockSampling::read_frequencies(const VmState& state, Tracked& tracked) {
  for (const VcpuReading& vcpu : state.reading->vcpus) {
    const VcpuId id = vcpu.id;
    const std::uint64_t steps = steps_of(state, id);
    const auto known = tracked.frequencies.find(id);
    // One that moves would be held at every sweep, and for nothing: its kHz is not what moves it.
    if (known != tracked.frequencies.end() &&
        (vcpu.trust == Trust::kChanging || known->second.steps == steps)) {
      continue;
    }
    if (!within_budget()) {
      return;
    }
    auto frequency =
        source_->read_frequency(attach_target(state.key, state.identity), id, deadline());
    if (!frequency && frequency.error().kind == ErrorKind::kNotFound) {
      continue;  // no thread runs it, yet or any more; the others have theirs
    }
    if (!frequency) {
      return;  // the VM cannot be attached to, which the clock reading tells; tried again next
               // sweep
    }
    holds_.vcpus.observe(frequency->held);
    tracked.frequencies[id] = Known{frequency->khz, steps};
  }
}

void ClockSampling::renew(const VmKey& vm) {
  if (const auto found = tracked_.find(vm); found != tracked_.end()) {
    found->second.due = MonotonicTime{};
    found->second.clock.reset();
    found->second.divergence.reset();
  }
}

void ClockSampling::renew_all() {
  for (auto& [key, tracked] : tracked_) {
    renew(key);
  }
}

void ClockSampling::keep_only(const std::set<VmKey>& vms) {
  std::erase_if(tracked_, [&](const auto& entry) { return !vms.contains(entry.first); });
}

}  // namespace kvmtsc
