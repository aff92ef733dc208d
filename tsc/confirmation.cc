#include "tsc/confirmation.h"

#include <algorithm>

namespace kvmtsc {

void Confirmation::observe(const VmReading& reading) {
  for (auto& [id, vcpu] : vcpus_) {
    vcpu.trusted_now = false;
  }
  std::erase_if(vcpus_, [&](const auto& entry) {
    return !std::ranges::binary_search(reading.vcpus, entry.first, {}, &VcpuReading::id) &&
           !std::ranges::binary_search(reading.unreadable, entry.first, {}, &VcpuProblem::id);
  });
  // A cause that spoils the whole VM spoils each of its vCPUs; one vCPU's own trouble does not.
  if (reading.trust == Trust::kUnstableHostTsc) {
    return;
  }
  for (const VcpuReading& vcpu : reading.vcpus) {
    if (vcpu.trust == Trust::kTrusted) {
      observe_vcpu(vcpus_[vcpu.id], vcpu, reading.taken);
    }
  }
}

void Confirmation::observe_vcpu(Vcpu& vcpu, const VcpuReading& reading, MonotonicTime taken) {
  const Timeline now{reading.offset, reading.ratio};
  vcpu.trusted_now = true;
  if (vcpu.confirmed == now) {
    vcpu.candidate.reset();
    return;
  }
  if (!vcpu.candidate || vcpu.candidate->timeline != now) {
    vcpu.candidate = Candidate{now, taken};
    return;
  }
  if (taken - vcpu.candidate->since < spacing_) {
    return;
  }
  if (vcpu.confirmed) {
    ++vcpu.steps;
  }
  vcpu.confirmed = now;
  vcpu.candidate.reset();
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

std::uint64_t Confirmation::steps(VcpuId id) const {
  const auto found = vcpus_.find(id);
  return found == vcpus_.end() ? 0 : found->second.steps;
}

bool Confirmation::pending() const {
  return std::ranges::any_of(vcpus_, [](const auto& entry) {
    return entry.second.trusted_now && entry.second.candidate.has_value();
  });
}

}  // namespace kvmtsc
