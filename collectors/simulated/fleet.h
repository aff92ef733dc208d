// SimulatedFleet: a deterministic fleet of VMs that do everything the service is meant to notice.
// For the demo and for tests; no kernel involved.
//
// What the fleet does depends on the seed and on the time since its start alone, by the clock it is
// given, so that a virtual clock replays any moment.
#pragma once

#include <cstdint>
#include <vector>

#include "collectors/offset_source.h"

namespace kvmtsc {

// What one simulated VM shows.
enum class SimulatedBehaviour {
  kHealthy,         // all offsets equal
  kSkewed,          // one vCPU is 9,000,000 ticks (3 ms at 3 GHz) ahead from the start
  kUnequalRatios,   // one vCPU's scaling ratio is 50 ppm higher: its skew grows
  kNested,          // runs a nested guest now and then: untrusted while it does
  kStepping,        // one vCPU's offset steps by 3,000,000 ticks every 60 s
  kComingAndGoing,  // there for 15 s, gone for 10 s, and so on
  kMoving           // one vCPU's offset is another at every reading: 3,000,000 ticks more a second
};

class SimulatedFleet final : public OffsetSource {
 public:
  // One VM of each behaviour, kHealthy ones in as many as `vms` in all (at least 7) leave room for.
  // `clock` outlives this; its monotonic time at construction is the fleet's start.
  SimulatedFleet(std::uint64_t seed, std::size_t vms, const Clock& clock);

  static constexpr std::string_view kName = "simulated";
  std::string_view name() const override { return kName; }
  bool kept_by_kvm() const override { return false; }
  Result<std::vector<FoundVm>> list() override;
  Result<VmReading> read(const VmKey& key, const ReadLimit& limit) override;

  // The vCPU's offset is `offset` from now on, and goes on as its behaviour has it from there.
  void set_offset(const VmKey& key, VcpuId vcpu, std::int64_t offset);

  // Whether a key is of a simulated VM; no real VM has one of these.
  static bool owns(const VmKey& key);

 private:
  struct Vm {
    SimulatedBehaviour behaviour = SimulatedBehaviour::kHealthy;
    FoundVm found;
    std::vector<VcpuReading> vcpus;  // without what the behaviour has added since the start
  };

  Nanoseconds elapsed() const { return clock_->monotonic() - start_; }
  bool present(const Vm& vm) const;
  VmReading reading_of(const Vm& vm) const;

  const Clock* clock_;
  MonotonicTime start_;
  std::vector<Vm> vms_;
};

}  // namespace kvmtsc
