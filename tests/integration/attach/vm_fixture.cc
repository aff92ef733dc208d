#include "tests/integration/attach/vm_fixture.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "attach/ptrace/thread_facts.h"
#include "attach/ptrace/vm_access.h"
#include "tests/integration/eventually.h"
#include "tests/integration/requirements.h"

namespace kvmtsc::testing {
namespace {

using integration::Milliseconds;

constexpr Milliseconds kPatience{20'000};

// All are there, and have run or never will.
bool all_are_ready(pid_t process, unsigned vms, unsigned vcpus, bool idle = false) {
  const auto directories = injection::read_vm_directories(HostRoot{}, process);
  return directories && directories->size() == vms &&
         std::all_of(directories->begin(), directories->end(), [&](const auto& vm) {
           return vm.vcpus.size() == vcpus &&
                  std::all_of(vm.vcpus.begin(), vm.vcpus.end(),
                              [&](const auto& vcpu) { return idle || vcpu.second.has_value(); });
         });
}

}  // namespace

std::optional<std::string> missing_for_vms() {
  if (auto missing = integration::missing_kvm()) {
    return missing;
  }
  if (::access("/sys/kernel/debug/kvm", R_OK | X_OK) != 0) {
    return "needs root and debugfs (mount -t debugfs none /sys/kernel/debug)";
  }
  return std::nullopt;
}

std::optional<std::string> missing_for_qemu() {
  if (auto missing = missing_for_vms()) {
    return missing;
  }
  return integration::missing_program("qemu-system-x86_64");
}

std::vector<AttachTarget> vms_of(pid_t process) {
  const HostRoot root;
  std::vector<AttachTarget> targets;
  const auto directories = injection::read_vm_directories(root, process);
  const auto start = injection::read_start_time(root, process);
  if (directories && start) {
    for (const auto& directory : *directories) {
      targets.push_back({directory.key, process, *start});
    }
  }
  std::sort(targets.begin(), targets.end(),
            [](const AttachTarget& a, const AttachTarget& b) { return a.key.fd < b.key.fd; });
  return targets;
}

injection::PtraceOptions patient() {
  injection::PtraceOptions options;
  options.longest_hold = std::chrono::seconds(1);
  return options;
}

MonotonicTime soon() {
  return system_clock().monotonic() + std::chrono::seconds(2);
}

SpinningVmm::SpinningVmm(unsigned vcpus, unsigned vms, const char* guest) : vms_(vms) {
  const bool idle = guest == std::string_view("idle");
  auto started = integration::MicroVmm::start(
      {"--guest", guest, "--vcpus", std::to_string(vcpus), "--vms", std::to_string(vms)});
  if (started && integration::eventually(kPatience, [&] {
        return all_are_ready((*started)->pid(), vms, vcpus, idle);
      })) {
    vmm_ = *std::move(started);
  }
}

bool SpinningVmm::command(const std::string& command) {
  for (unsigned vm = 0; vm < vms_; ++vm) {
    if (!vmm_->command(std::to_string(vm) + " " + command)) {
      return false;
    }
  }
  return true;
}

bool SpinningVmm::ends_well() {
  // A guest on a busy machine may have no processor for as long as one "tsc" waits for it.
  return command("resume") && integration::eventually(kPatience, [&] { return command("tsc"); }) &&
         ends();
}

bool SpinningVmm::answers_and_ends() {
  return command("offsets") && ends();
}

bool SpinningVmm::ends() {
  process().close_input();
  const auto status = process().wait_exit(kPatience);
  return status && status->signal == 0 && status->code == 0;
}

std::unique_ptr<integration::Qemu> start_qemu(unsigned vcpus,
                                              const std::vector<std::string>& arguments,
                                              const std::vector<std::string>& wrapper) {
  auto qemu = integration::Qemu::start(
      {"kvm-tsc-test-attach", "5f0a3c1e-7b64-4a3f-9f5e-0c7b2d9e4a11", vcpus, arguments, wrapper});
  if (!qemu || !integration::eventually(kPatience,
                                        [&] { return all_are_ready((*qemu)->pid(), 1, vcpus); })) {
    return nullptr;
  }
  return *std::move(qemu);
}

bool stop_and_continue(integration::Qemu& qemu) {
  return qemu.qmp("stop").ok() && qemu.qmp("cont").ok();
}

bool quits(integration::Qemu& qemu) {
  if (!qemu.qmp("quit")) {
    return false;
  }
  const auto status = qemu.process().wait_exit(kPatience);
  return status && status->signal == 0 && status->code == 0;
}

}  // namespace kvmtsc::testing
