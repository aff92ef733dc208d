// From a Snapshot to metric families: what docs/metrics.md describes. Pure; any
// thread.
//
// What is not known gives no sample. Families without samples are left out.
#pragma once

#include <vector>

#include <prometheus/metric_family.h>

#include "base/clock.h"
#include "base/version.h"
#include "tsc/snapshot.h"

namespace kvmtsc {

using Families = std::vector<prometheus::MetricFamily>;

// kvm_tsc_vm_* and kvm_tsc_vcpu_*.
void append_vm_families(const Snapshot& snapshot, Families& families);

// kvm_tsc_host_*, kvm_tsc_collector_* and kvm_tsc_last_sweep_timestamp_seconds.
void append_host_families(const Snapshot& snapshot, Families& families);

// kvm_tsc_corrections_*; nothing where there is nothing to correct with.
void append_correction_families(const Snapshot& snapshot, Families& families);

// kvm_tsc_exporter_build_info.
void append_build_info(const BuildInfo& build, Families& families);

}  // namespace kvmtsc
