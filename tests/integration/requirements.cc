#include "tests/integration/requirements.h"

#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"
#include "tests/integration/paths.h"
#include "tests/micro_vmm/vm.h"

namespace kvmtsc::integration {

std::optional<std::string> missing_kvm() {
  const auto kvm = micro_vmm::open_kvm();
  if (!kvm) {
    return kvm.error().text();
  }
  const UniqueFd vm(::ioctl(kvm->get(), KVM_CREATE_VM, 0));
  if (!vm.valid()) {
    return errno_error(errno, "/dev/kvm that creates VMs: KVM_CREATE_VM").text();
  }
  return std::nullopt;
}

std::optional<std::string> missing_root() {
  if (::geteuid() != 0) {
    return "root";
  }
  return std::nullopt;
}

std::optional<std::string> missing_program(const std::string& name) {
  if (find_in_path(name).empty()) {
    return name + " (in $PATH; scripts/install-packages.sh test)";
  }
  return std::nullopt;
}

std::optional<std::string> missing_prometheus(const std::string& name) {
  const std::string path = prometheus_program(name);
  if (::access(path.c_str(), X_OK) != 0) {
    return path + " (scripts/fetch-prometheus.sh build/third-party)";
  }
  return std::nullopt;
}

}  // namespace kvmtsc::integration
