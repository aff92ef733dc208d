#include "tsc/confirmation.h"

#include <algorithm>
#include <cmath>

namespace kvmtsc {
namespace {

// Two may be one step and its confirmation that came to nothing; a third that agrees with neither
// is none.
constexpr int kReadingsOfAMovement = 3;

std::uint64_t magnitude(std::int64_t ticks) {
  return ticks < 0 ? ~static_cast<std::uint64_t>(ticks) + 1 : static_cast<std::uint64_t>(ticks);
}

bool within_a_tenth(double a, double b) {
  return std::abs(a - b) <= std::max(std::abs(a), std::abs(b)) / 10;
}

}  // namespace

bool Confirmation::Vcpu::moves() const {
  return unsettled && unsettled->readings >= kReadingsOfAMovement;
}

void Confirmation::observe(const VmReading& reading) {
  for (auto& [id, vcpu] : vcpus_) {
    vcpu.trusted_now = false;
  }
  std::erase_if(vcpus_, [&](const auto& entry) {
    return !std::ranges::binary_search(reading.vcpus, entry.first, {}, &VcpuReading::id) &&
           !std::ranges::binary_search(reading.unreadable, entry.first, {}, &VcpuProblem::id);
  });
  for (const VcpuReading& vcpu : reading.vcpus) {
    vcpus_.try_emplace(vcpu.id);
  }
  for (const VcpuProblem& vcpu : reading.unreadable) {
    vcpus_.try_emplace(vcpu.id);
  }
  // A cause that spoils the whole VM spoils each of its vCPUs; one vCPU's own trouble does not.
  unstable_ = reading.trust == Trust::kUnstableHostTsc;
  if (unstable_) {
    return;
  }
  for (const VcpuReading& vcpu : reading.vcpus) {
    if (vcpu.trust == Trust::kTrusted) {
      observe_vcpu(vcpus_[vcpu.id], vcpu, reading);
    }
  }
}

void Confirmation::observe_vcpu(Vcpu& vcpu, const VcpuReading& reading, const VmReading& vm) const {
  const Timeline now{reading.offset, reading.ratio};
  vcpu.trusted_now = true;
  if (vcpu.last != now) {
    note_change(vcpu, now, vm);
    vcpu.since = vm.taken;
    vcpu.last = now;
  } else if (vm.taken - vcpu.since >= spacing_) {
    vcpu.confirmed = now;
    vcpu.unsettled.reset();
  }
  vcpu.taken = vm.taken;
}

void Confirmation::note_change(Vcpu& vcpu, const Timeline& now, const VmReading& vm) const {
  if (!vcpu.unsettled) {
    vcpu.unsettled = Unsettled{};
    vcpu.unsettled->since = vm.taken;
  }
  Unsettled& unsettled = *vcpu.unsettled;
  if (unsettled.readings == 0 || vm.taken - unsettled.counted >= spacing_) {
    ++unsettled.readings;
    unsettled.counted = vm.taken;
  }
  if (!vcpu.last) {
    return;
  }
  if (vcpu.confirmed || vcpu.moves()) {
    ++vcpu.steps;
  }
  const std::int64_t ticks =
      tick_difference(guest_tsc(vm.host_tsc_before, now.ratio, now.offset),
                      guest_tsc(vm.host_tsc_before, vcpu.last->ratio, vcpu.last->offset));
  unsettled.largest = std::max(unsettled.largest, magnitude(ticks));
  const double rate =
      static_cast<double>(ticks) / std::chrono::duration<double>(vm.taken - vcpu.taken).count();
  const bool first = unsettled.changes++ == 0;
  unsettled.slowest = first ? rate : std::min(unsettled.slowest, rate);
  unsettled.fastest = first ? rate : std::max(unsettled.fastest, rate);
}

std::vector<VcpuReading> Confirmation::confirmed() const {
  std::vector<VcpuReading> result;
  for (const auto& [id, vcpu] : vcpus_) {
    if (vcpu.trusted_now && vcpu.confirmed) {
      result.push_back({id, vcpu.confirmed->offset, vcpu.confirmed->ratio, Trust::kTrusted});
    }
  }
  return result;
}

std::vector<VcpuSteps> Confirmation::steps() const {
  std::vector<VcpuSteps> result;
  result.reserve(vcpus_.size());
  for (const auto& [id, vcpu] : vcpus_) {
    result.push_back({id, vcpu.steps});
  }
  return result;
}

std::optional<Movement> Confirmation::movement() const {
  Movement movement;
  movement.all = true;
  std::uint64_t largest = 0;
  std::uint64_t second = 0;
  double slowest = 0;
  double fastest = 0;
  if (unstable_) {
    return std::nullopt;
  }
  for (const auto& [id, vcpu] : vcpus_) {
    if (!vcpu.trusted_now && !vcpu.moves()) {
      continue;
    }
    if (vcpu.unsettled) {
      second = std::max(second, std::min(largest, vcpu.unsettled->largest));
      largest = std::max(largest, vcpu.unsettled->largest);
    }
    if (!vcpu.moves()) {
      movement.all = false;
      continue;
    }
    const Unsettled& unsettled = *vcpu.unsettled;
    const bool first = movement.vcpus.empty();
    slowest = first ? unsettled.slowest : std::min(slowest, unsettled.slowest);
    fastest = first ? unsettled.fastest : std::max(fastest, unsettled.fastest);
    movement.vcpus.push_back(id);
    movement.lasting = std::max(movement.lasting, vcpu.taken - unsettled.since);
  }
  if (movement.vcpus.empty()) {
    return std::nullopt;
  }
  movement.bound_ticks = largest + std::min(second, ~largest);
  if (movement.all && within_a_tenth(slowest, fastest)) {
    movement.ticks_per_second = (slowest + fastest) / 2;
  }
  return movement;
}

}  // namespace kvmtsc
