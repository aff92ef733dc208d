#include "bench/service.h"

#include <chrono>
#include <thread>

#include "tests/integration/eventually.h"

namespace kvmtsc::bench {

Result<std::unique_ptr<integration::Exporter>> start_service(const std::string& debugfs,
                                                             std::size_t vcpus,
                                                             const std::string& interval) {
  // Two sweeps confirm an offset; a busy host gets some more.
  constexpr std::chrono::seconds kPatience{30};
  auto service = integration::Exporter::start(
      {"sweep:\n  interval: " + interval + "\n", {"--path.debugfs=" + debugfs}});
  if (!service) {
    return service.error();
  }
  const bool served = integration::eventually(kPatience, [&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    const auto samples = (*service)->metrics();
    return samples && samples->find("kvm_tsc_vcpu_skew_seconds").size() >= vcpus;
  });
  if (!served) {
    return Error{ErrorKind::kTimeout,
                 "the service does not serve the skew of " + std::to_string(vcpus) + " vCPUs",
                 {}};
  }
  return service;
}

}  // namespace kvmtsc::bench
