#include "tsc/skew.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kvmtsc {
namespace {

bool same_timeline(const VcpuReading& a, const VcpuReading& b) {
  return a.offset == b.offset && a.ratio == b.ratio;
}

// How far `vcpu` is ahead of `reference` at `host_tsc`, modulo 2^64.
std::int64_t skew_at(const VcpuReading& vcpu, const VcpuReading& reference,
                     std::uint64_t host_tsc) {
  return tick_difference(guest_tsc(host_tsc, vcpu.ratio, vcpu.offset),
                         guest_tsc(host_tsc, reference.ratio, reference.offset));
}

double drift_of(ScalingRatio ratio, ScalingRatio reference) {
  // Equal ratios must give 0 and not the rounding of two divisions.
  return ratio == reference ? 0.0 : to_double(ratio) / to_double(reference) - 1.0;
}

std::uint64_t distance(std::int64_t high, std::int64_t low) {
  return static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low);
}

std::uint64_t growth_within(double rate_difference, std::uint64_t host_ticks) {
  const double growth = std::ceil(std::abs(rate_difference) * static_cast<double>(host_ticks));
  constexpr double kLimit = 9.2e18;  // a bound this wide means "unknown"; keep the cast defined
  return static_cast<std::uint64_t>(std::min(growth, kLimit));
}

const VcpuReading* reference_reading(std::span<const VcpuReading> vcpus) {
  // Grouping by sorting keeps 1,024 different offsets cheap; ids are the tie-break throughout.
  std::vector<const VcpuReading*> order;
  order.reserve(vcpus.size());
  for (const VcpuReading& vcpu : vcpus) {
    order.push_back(&vcpu);
  }
  std::ranges::sort(order, [](const VcpuReading* a, const VcpuReading* b) {
    const double ratio_a = to_double(a->ratio);
    const double ratio_b = to_double(b->ratio);
    if (ratio_a != ratio_b) {
      return ratio_a < ratio_b;
    }
    return a->offset != b->offset ? a->offset < b->offset : a->id < b->id;
  });
  const VcpuReading* best = nullptr;
  std::size_t best_count = 0;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && same_timeline(*order[begin], *order[end])) {
      ++end;
    }
    const std::size_t count = end - begin;
    if (count > best_count || (count == best_count && order[begin]->id < best->id)) {
      best = order[begin];
      best_count = count;
    }
    begin = end;
  }
  return best;
}

}  // namespace

std::optional<VcpuId> reference_vcpu(std::span<const VcpuReading> vcpus) {
  const VcpuReading* reference = reference_reading(vcpus);
  return reference == nullptr ? std::nullopt : std::optional<VcpuId>(reference->id);
}

std::optional<SkewAnalysis> analyse_skew(std::span<const VcpuReading> vcpus,
                                         std::uint64_t host_tsc_before,
                                         std::uint64_t host_tsc_after) {
  const VcpuReading* reference = reference_reading(vcpus);
  if (reference == nullptr) {
    return std::nullopt;
  }
  const std::uint64_t window = host_tsc_after - host_tsc_before;
  SkewAnalysis analysis;
  analysis.reference = reference->id;
  analysis.reference_ratio = reference->ratio;
  analysis.at_host_tsc = host_tsc_before + window / 2;
  analysis.vcpus.reserve(vcpus.size());
  std::int64_t most_ahead = 0;
  std::int64_t most_behind = 0;
  for (const VcpuReading& vcpu : vcpus) {
    const VcpuSkew skew{vcpu.id, skew_at(vcpu, *reference, analysis.at_host_tsc),
                        drift_of(vcpu.ratio, reference->ratio)};
    if (vcpu.ratio != reference->ratio) {
      analysis.equal_ratios = false;
      const double rate_difference = to_double(vcpu.ratio) - to_double(reference->ratio);
      const std::uint64_t bound = 2 + growth_within(rate_difference, window - window / 2);
      analysis.bound_ticks = std::max(analysis.bound_ticks, bound);
    }
    most_ahead = std::max(most_ahead, skew.ticks);
    most_behind = std::min(most_behind, skew.ticks);
    analysis.vcpus.push_back(skew);
  }
  analysis.spread_ticks = distance(most_ahead, most_behind);
  return analysis;
}

}  // namespace kvmtsc
