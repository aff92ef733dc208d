#include "collectors/simulated/fleet.h"

#include <algorithm>
#include <array>
#include <random>

namespace kvmtsc {
namespace {

using std::chrono::seconds;

// Ticks of a 3 GHz guest; the fleet's clock need not tick at that rate for the offsets to differ
// so.
constexpr std::int64_t kTicksPerMillisecond = 3'000'000;

// The VM that comes and goes is here for kStay of every kRound.
constexpr seconds kStay{15};
constexpr seconds kRound{25};

// Above the kernel's largest PID (2^22), so that no real VM's key is ever taken.
constexpr pid_t kFirstCreator = 5'000'000;

const char* behaviour_name(SimulatedBehaviour behaviour) {
  switch (behaviour) {
    case SimulatedBehaviour::kHealthy:
      return "healthy";
    case SimulatedBehaviour::kSkewed:
      return "skewed";
    case SimulatedBehaviour::kUnequalRatios:
      return "unequal-ratios";
    case SimulatedBehaviour::kNested:
      return "nested";
    case SimulatedBehaviour::kStepping:
      return "stepping";
    case SimulatedBehaviour::kComingAndGoing:
      return "coming-and-going";
    case SimulatedBehaviour::kMoving:
      return "moving";
  }
  return "";
}

// A version 4 UUID (RFC 9562, 5.4) from the seeded generator.
std::string make_uuid(std::mt19937_64& random) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string uuid = "xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx";
  for (char& c : uuid) {
    if (c == 'x') {
      c = kDigits[random() % kDigits.size()];
    }
  }
  return uuid;
}

}  // namespace

SimulatedFleet::SimulatedFleet(std::uint64_t seed, std::size_t vms, const Clock& clock)
    : clock_(&clock), start_(clock.monotonic()) {
  constexpr std::array kEachOnce{SimulatedBehaviour::kSkewed, SimulatedBehaviour::kUnequalRatios,
                                 SimulatedBehaviour::kNested, SimulatedBehaviour::kStepping,
                                 SimulatedBehaviour::kComingAndGoing};
  constexpr std::array<std::uint32_t, 3> kSizes{2, 4, 8};
  std::mt19937_64 random(seed);
  // A healthy one at least, and at the end the one that moves.
  const std::size_t all = std::max(vms, kEachOnce.size() + 2);
  for (std::size_t i = 0; i < all; ++i) {
    Vm vm;
    vm.behaviour = i < kEachOnce.size() ? kEachOnce[i]
                   : i + 1 < all        ? SimulatedBehaviour::kHealthy
                                        : SimulatedBehaviour::kMoving;
    vm.found.key = {kFirstCreator + static_cast<pid_t>(i), 12, i + 1};
    vm.found.identity.name = std::string("sim-") + behaviour_name(vm.behaviour);
    if (vm.behaviour == SimulatedBehaviour::kHealthy) {
      vm.found.identity.name += "-" + std::to_string(i - kEachOnce.size() + 1);
    }
    vm.found.identity.uuid = make_uuid(random);
    vm.found.identity.vmm = "simulated";
    vm.found.identity.pid = vm.found.key.creator;
    const auto offset = -static_cast<std::int64_t>(random() % (1ULL << 50));
    const std::uint32_t vcpus = kSizes[random() % kSizes.size()];
    for (VcpuId id = 0; id < vcpus; ++id) {
      vm.vcpus.push_back({id, offset, {1ULL << 48, 48}, Trust::kTrusted});
    }
    VcpuReading& odd = vm.vcpus.back();
    if (vm.behaviour == SimulatedBehaviour::kSkewed) {
      odd.offset += 3 * kTicksPerMillisecond;
    } else if (vm.behaviour == SimulatedBehaviour::kUnequalRatios) {
      // The two agree when the fleet starts and drift apart from there.
      const std::uint64_t now = clock.host_tsc();
      odd.ratio.value += odd.ratio.value / 20'000;
      odd.offset += tick_difference(now, scale(now, odd.ratio));
    }
    vms_.push_back(std::move(vm));
  }
}

bool SimulatedFleet::present(const Vm& vm) const {
  return vm.behaviour != SimulatedBehaviour::kComingAndGoing || elapsed() % kRound < kStay;
}

Result<std::vector<FoundVm>> SimulatedFleet::list() {
  std::vector<FoundVm> found;
  for (const Vm& vm : vms_) {
    if (present(vm)) {
      found.push_back(vm.found);
      // Each stay is another VM, as it would be on a host.
      if (vm.behaviour == SimulatedBehaviour::kComingAndGoing) {
        found.back().key.incarnation += static_cast<std::uint64_t>(elapsed() / kRound) * 1000;
      }
    }
  }
  return found;
}

VmReading SimulatedFleet::reading_of(const Vm& vm) const {
  VmReading reading;
  reading.host_tsc_before = clock_->host_tsc();
  reading.vcpus = vm.vcpus;
  VcpuReading& odd = reading.vcpus.back();
  switch (vm.behaviour) {
    case SimulatedBehaviour::kHealthy:
    case SimulatedBehaviour::kSkewed:
    case SimulatedBehaviour::kUnequalRatios:
    case SimulatedBehaviour::kComingAndGoing:
      break;
    case SimulatedBehaviour::kNested:
      if (elapsed() % seconds(40) >= seconds(20)) {
        odd.offset -= 123'456'789'012;
        odd.trust = Trust::kNested;
      }
      break;
    case SimulatedBehaviour::kStepping:
      odd.offset += elapsed() / seconds(60) * kTicksPerMillisecond;
      break;
    case SimulatedBehaviour::kMoving:
      odd.offset += elapsed() / std::chrono::milliseconds(1) * (kTicksPerMillisecond / 1000);
      break;
  }
  reading.host_tsc_after = clock_->host_tsc();
  reading.taken = clock_->monotonic();
  reading.trust = odd.trust;
  return reading;
}

Result<VmReading> SimulatedFleet::read(const VmKey& key, const ReadLimit& /*limit*/) {
  for (const Vm& vm : vms_) {
    if (vm.found.key.creator == key.creator && present(vm)) {
      return reading_of(vm);
    }
  }
  return Error{ErrorKind::kGone, "simulated VM " + directory_name(key) + " has ended", {}};
}

void SimulatedFleet::set_offset(const VmKey& key, VcpuId vcpu, std::int64_t offset) {
  for (Vm& vm : vms_) {
    if (vm.found.key.creator == key.creator && vcpu < vm.vcpus.size()) {
      // Modulo 2^64, as the TSC is.
      const auto now = static_cast<std::uint64_t>(reading_of(vm).vcpus[vcpu].offset);
      auto& base = vm.vcpus[vcpu].offset;
      base = static_cast<std::int64_t>(static_cast<std::uint64_t>(base) +
                                       static_cast<std::uint64_t>(offset) - now);
    }
  }
}

bool SimulatedFleet::owns(const VmKey& key) {
  return key.creator >= kFirstCreator;
}

}  // namespace kvmtsc
