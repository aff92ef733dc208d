// FakeSource: an OffsetSource that says what a test tells it to.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "collectors/host_clock_source.h"
#include "collectors/offset_source.h"

namespace kvmtsc {

class FakeSource final : public OffsetSource {
 public:
  explicit FakeSource(const Clock& clock) : clock_(&clock) {}

  VmKey add(pid_t creator, const std::string& name, const std::vector<std::int64_t>& offsets) {
    const VmKey key{creator, 3, static_cast<std::uint64_t>(creator) + 1};
    VmIdentity identity;
    identity.name = name;
    identity.pid = creator;
    found.push_back({key, identity});
    for (const auto offset : offsets) {
      vcpus[key].push_back({static_cast<VcpuId>(vcpus[key].size()), offset, {}, {}});
    }
    return key;
  }

  std::string_view name() const override { return "fake"; }
  bool kept_by_kvm() const override { return by_kvm; }
  Result<std::vector<FoundVm>> list() override {
    if (list_error) {
      return *list_error;
    }
    return found;
  }
  Result<VmReading> read(const VmKey& key, const ReadLimit& /*limit*/) override {
    if (const auto error = read_errors.find(key); error != read_errors.end()) {
      return error->second;
    }
    VmReading reading;
    reading.vcpus = vcpus[key];
    reading.host_tsc_before = reading.host_tsc_after = clock_->host_tsc();
    reading.taken = clock_->monotonic();
    return reading;
  }

  std::vector<FoundVm> found;
  std::map<VmKey, std::vector<VcpuReading>> vcpus;
  std::optional<Error> list_error;
  std::map<VmKey, Error> read_errors;
  bool by_kvm = true;

 private:
  const Clock* clock_;
};

class FakeHostClock final : public HostClockSource {
 public:
  FakeHostClock() {
    host.clocksource = "tsc";
    host.tsc_frequency = Frequency{3e9, 1};
  }
  Result<HostClock> read() override {
    if (error) {
      return *error;
    }
    return host;
  }
  HostClock host;
  std::optional<Error> error;
};

}  // namespace kvmtsc
