#include <cmath>
#include <cstdlib>

#include "exporter/metrics/families.h"
#include "exporter/metrics/family.h"
#include "tsc/scaling.h"

namespace kvmtsc {
namespace {

void append_info(const Snapshot& snapshot, Families& families) {
  auto info =
      gauge("kvm_tsc_vm_info",
            "A VM of this host: its UUID as given to the VMM, its process and its VMM. What "
            "is not known is empty. Always 1.");
  auto vcpus = gauge("kvm_tsc_vm_vcpus", "vCPUs of the VM that the kernel lists.");
  for (const VmState& vm : snapshot.vms) {
    const std::string pid = vm.identity.pid == 0 ? "" : std::to_string(vm.identity.pid);
    info.add({{"vm", vm.label}, {"uuid", vm.identity.uuid}, {"pid", pid}, {"vmm", vm.identity.vmm}},
             1);
    if (vm.reading) {
      vcpus.add({{"vm", vm.label}},
                static_cast<double>(vm.reading->vcpus.size() + vm.reading->unreadable.size()));
    }
  }
  info.append_to(families);
  vcpus.append_to(families);
}

void append_trust(const Snapshot& snapshot, Families& families) {
  auto trusted = gauge("kvm_tsc_vm_trusted",
                       "1 if the last reading of the VM's offsets can be believed, 0 if not; "
                       "kvm_tsc_vm_trust_state says why. Absent when the VM could not be read.");
  auto states =
      gauge("kvm_tsc_vm_trust_state",
            "1 for the state that the VM's last reading is in, 0 for all others: trusted, "
            "why it is not, or unreadable where there is none.");
  auto errors = counter("kvm_tsc_vm_read_errors_total",
                        "Sweeps that could not read the VM at all, since it was first seen.");
  for (const VmState& vm : snapshot.vms) {
    if (vm.reading) {
      trusted.add({{"vm", vm.label}}, vm.reading->trust == Trust::kTrusted ? 1 : 0);
    }
    for (const Trust trust : kAllTrusts) {
      const bool is_it = vm.reading && vm.reading->trust == trust;
      states.add({{"vm", vm.label}, {"state", trust_name(trust)}}, is_it ? 1 : 0);
    }
    states.add({{"vm", vm.label}, {"state", "unreadable"}}, vm.reading ? 0 : 1);
    errors.add({{"vm", vm.label}}, static_cast<double>(vm.read_errors));
  }
  trusted.append_to(families);
  states.append_to(families);
  errors.append_to(families);
}

void append_offsets(const Snapshot& snapshot, Families& families) {
  auto offsets =
      gauge("kvm_tsc_vcpu_offset_ticks",
            "TSC offset of the vCPU as last read. Informational: beyond 2^53 ticks (35 days "
            "at 3 GHz) a sample cannot hold every tick, and nothing is computed from it.");
  auto steps =
      counter("kvm_tsc_vcpu_offset_steps_total",
              "Changes of the vCPU's offset or scaling ratio from one trusted reading to the next, "
              "whether or not they last. The guest's own writes to IA32_TSC and TSC_ADJUST count "
              "too.");
  for (const VmState& vm : snapshot.vms) {
    for (const VcpuSteps& vcpu : vm.steps) {
      steps.add({{"vm", vm.label}, {"vcpu", std::to_string(vcpu.id)}},
                static_cast<double>(vcpu.count));
    }
    for (const VcpuReading& vcpu : vm.reading ? vm.reading->vcpus : std::vector<VcpuReading>{}) {
      offsets.add({{"vm", vm.label}, {"vcpu", std::to_string(vcpu.id)}},
                  static_cast<double>(vcpu.offset));
    }
  }
  offsets.append_to(families);
  steps.append_to(families);
}

// Half-width, in seconds, of the interval in which every skew of the VM lies: the ticks' own bound,
// and what the frequency's error makes of the widest skew.
double skew_bound_seconds(const SkewAnalysis& skew, const Frequency& frequency) {
  const double spread = static_cast<double>(skew.spread_ticks);
  const double slowest = frequency.hertz - frequency.bound_hertz;
  return static_cast<double>(skew.bound_ticks) / slowest +
         spread / slowest * (frequency.bound_hertz / frequency.hertz);
}

void append_skews(const Snapshot& snapshot, Families& families) {
  auto skews =
      gauge("kvm_tsc_vcpu_skew_seconds",
            "How far the vCPU's TSC is ahead (+) or behind (-) of the VM's reference vCPU, the "
            "one whose offset most vCPUs share. Two agreeing sweeps are needed.");
  auto drifts = gauge("kvm_tsc_vcpu_skew_drift_ratio",
                      "Seconds by which the vCPU's skew grows a second, because its scaling ratio "
                      "differs from the reference vCPU's. 0 when the ratios are equal.");
  auto spreads =
      gauge("kvm_tsc_vm_skew_spread_seconds", "From the vCPU most behind to the vCPU most ahead.");
  auto bounds = gauge("kvm_tsc_vm_skew_bound_seconds",
                      "How wrong each skew and the spread of the VM may be, either way.");
  auto frequencies = gauge("kvm_tsc_vm_frequency_hertz",
                           "Frequency at which the guest's TSC runs: the host's measured one, "
                           "scaled by the reference vCPU's ratio.");
  auto errors = gauge("kvm_tsc_vm_told_frequency_error_ratio",
                      "How much faster (+) or slower (-) the guest's TSC runs than the kHz that "
                      "the guest is told (KVM_GET_TSC_KHZ). KVM lets up to 250e-6 pass.");
  for (const VmState& vm : snapshot.vms) {
    if (!vm.skew || !vm.frequency) {
      continue;
    }
    const double hertz = vm.frequency->hertz;
    for (const VcpuSkew& skew : vm.skew->vcpus) {
      const std::string id = std::to_string(skew.id);
      skews.add({{"vm", vm.label}, {"vcpu", id}}, static_cast<double>(skew.ticks) / hertz);
      drifts.add({{"vm", vm.label}, {"vcpu", id}}, skew.drift);
    }
    spreads.add({{"vm", vm.label}}, static_cast<double>(vm.skew->spread_ticks) / hertz);
    bounds.add({{"vm", vm.label}}, skew_bound_seconds(*vm.skew, *vm.frequency));
    frequencies.add({{"vm", vm.label}}, hertz);
    if (const auto error = told_frequency_error(vm)) {
      errors.add({{"vm", vm.label}}, *error);
    }
  }
  skews.append_to(families);
  drifts.append_to(families);
  spreads.append_to(families);
  bounds.append_to(families);
  frequencies.append_to(families);
  errors.append_to(families);
}

// From KVM_GET_CLOCK; nothing where attaching is off.
void append_clocks(const Snapshot& snapshot, Families& families) {
  auto master =
      gauge("kvm_tsc_vm_master_clock",
            "1 while the VM's kvmclock is computed from its TSC alone (KVM_CLOCK_TSC_STABLE), "
            "0 while it is not: a vCPU's offset differs.");
  auto divergence =
      gauge("kvm_tsc_vm_kvmclock_divergence_seconds",
            "How far the guest's TSC has moved ahead (+) of its kvmclock since the VM was "
            "first seen. 0 within the bound unless somebody wrote one of them.");
  auto bound = gauge("kvm_tsc_vm_kvmclock_divergence_bound_seconds",
                     "How wrong kvm_tsc_vm_kvmclock_divergence_seconds may be, either way.");
  auto errors = counter("kvm_tsc_vm_clock_read_errors_total",
                        "Clock readings of the VM that failed or were refused, since first seen.");
  auto error =
      gauge("kvm_tsc_vm_clock_error",
            "1 for the kind of error with which the VM's clock could not be read last time, "
            "0 for all others; the log has the text and the remedy.");
  for (const VmState& vm : snapshot.vms) {
    if (const auto decided = master_clock(vm)) {
      master.add({{"vm", vm.label}}, *decided ? 1 : 0);
    }
    if (vm.divergence) {
      divergence.add({{"vm", vm.label}}, vm.divergence->seconds);
      bound.add({{"vm", vm.label}}, vm.divergence->bound_seconds);
    }
    if (!vm.clock_wanted) {
      continue;
    }
    errors.add({{"vm", vm.label}}, static_cast<double>(vm.clock_errors));
    for (const ErrorKind kind : kAllErrorKinds) {
      const bool is_it = vm.clock_error && vm.clock_error->kind == kind;
      error.add({{"vm", vm.label}, {"kind", error_kind_name(kind)}}, is_it ? 1 : 0);
    }
  }
  master.append_to(families);
  divergence.append_to(families);
  bound.append_to(families);
  errors.append_to(families);
  error.append_to(families);
}

}  // namespace

void append_vm_families(const Snapshot& snapshot, Families& families) {
  append_info(snapshot, families);
  append_trust(snapshot, families);
  append_offsets(snapshot, families);
  append_skews(snapshot, families);
  append_clocks(snapshot, families);
}

}  // namespace kvmtsc
