// Skew between the vCPUs of one VM. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tsc/reading.h"

namespace kvmtsc {

// One vCPU against the reference vCPU. Positive = ahead of it.
struct VcpuSkew {
  VcpuId id = 0;
  std::int64_t ticks = 0;  // guest ticks, at SkewAnalysis::at_host_tsc
  // Guest ticks gained on the reference per tick of the reference: (ratio / ratio_ref) - 1. Exactly
  // 0 when the ratios are equal; otherwise `ticks` grows at this rate.
  double drift = 0;
};

struct SkewAnalysis {
  VcpuId reference = 0;
  std::vector<VcpuSkew> vcpus;     // ascending by id; includes the reference (0, 0)
  std::uint64_t spread_ticks = 0;  // most ahead minus most behind; at least 0
  // Half-width of the interval in which each skew lies. 0 when all ratios are equal, for offsets
  // are exact; otherwise one tick of rounding on each side plus what the skew grows by in half of
  // the interval [host_tsc_before, host_tsc_after].
  std::uint64_t bound_ticks = 0;
  std::uint64_t at_host_tsc = 0;  // the host TSC at which the skews hold: the interval's middle
  ScalingRatio reference_ratio;
  bool equal_ratios = true;
};

// The reference vCPU: of the (ratio, offset) pair that most vCPUs share, the lowest id; between
// pairs shared by equally many, the one that holds the lowest id. Absent when `vcpus` is empty.
// `vcpus` ascending by id.
std::optional<VcpuId> reference_vcpu(std::span<const VcpuReading> vcpus);

// Skew of every vCPU in `vcpus` against their reference; absent when `vcpus` is empty. Trust is the
// caller's business: pass only readings that are believed.
std::optional<SkewAnalysis> analyse_skew(std::span<const VcpuReading> vcpus,
                                         std::uint64_t host_tsc_before,
                                         std::uint64_t host_tsc_after);

}  // namespace kvmtsc
