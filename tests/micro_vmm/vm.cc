#include "tests/micro_vmm/vm.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

namespace kvmtsc::micro_vmm {
namespace {

constexpr unsigned long kTssAddress = 0xfffbd000;  // three pages, outside the guest's memory

}  // namespace

Result<UniqueFd> open_kvm() {
  UniqueFd fd(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
  if (!fd.valid()) {
    Error error = errno_error(errno, "/dev/kvm");
    error.remedy = "load kvm_intel or kvm_amd, and run as root or in group kvm";
    return error;
  }
  return fd;
}

Vm::Vm(UniqueFd fd, VmOptions options, std::size_t run_bytes)
    : fd_(std::move(fd)),
      options_(std::move(options)),
      run_bytes_(run_bytes),
      creator_(::gettid()) {}

Result<std::unique_ptr<Vm>> Vm::create(int kvm_fd, const VmOptions& options) {
  const int run_bytes = ::ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
  if (run_bytes < 0) {
    return errno_error(errno, "KVM_GET_VCPU_MMAP_SIZE");
  }
  UniqueFd fd(::ioctl(kvm_fd, KVM_CREATE_VM, 0));
  if (!fd.valid()) {
    return errno_error(errno, "KVM_CREATE_VM");
  }
  std::unique_ptr<Vm> vm(new Vm(std::move(fd), options, static_cast<std::size_t>(run_bytes)));
  if (options.kernel_irqchip) {
    if (Status created = vm->create_irqchip(); !created) {
      return created.error();
    }
  }
  if (options.program != GuestProgram::kIdle) {
    auto memory = GuestMemory::create(vm->fd(), options.program);
    if (!memory) {
      return memory.error();
    }
    vm->memory_ = std::move(*memory);
  }
  for (const VcpuId id : options.vcpu_ids) {
    if (Status added = vm->add_vcpu(id); !added) {
      return added.error();
    }
  }
  return vm;
}

Status Vm::create_irqchip() const {
  if (::ioctl(fd(), KVM_SET_TSS_ADDR, kTssAddress) != 0) {
    return errno_error(errno, "KVM_SET_TSS_ADDR");
  }
  if (::ioctl(fd(), KVM_CREATE_IRQCHIP, 0) != 0) {
    return errno_error(errno, "KVM_CREATE_IRQCHIP");
  }
  return ok_status();
}

Status Vm::add_vcpu(VcpuId id) {
  if (vcpus_.size() >= kMaxSlots) {
    return Error{ErrorKind::kRefused,
                 "a micro VM has at most " + std::to_string(kMaxSlots) + " vCPUs", ""};
  }
  VcpuSetup setup;
  setup.id = id;
  setup.slot = static_cast<unsigned>(vcpus_.size());
  setup.program = options_.program;
  setup.pvclock = options_.pvclock;
  setup.interval_ms = options_.interval_ms;
  setup.run_bytes = run_bytes_;
  auto vcpu = Vcpu::create(fd(), memory_.get(), setup);
  if (!vcpu) {
    return vcpu.error();
  }
  vcpus_.push_back(std::move(*vcpu));
  return ok_status();
}

Result<Vcpu*> Vm::find_vcpu(VcpuId id) const {
  for (const auto& vcpu : vcpus_) {
    if (vcpu->id() == id) {
      return vcpu.get();
    }
  }
  return Error{ErrorKind::kNotFound, "no vCPU " + std::to_string(id), ""};
}

Result<kvm_clock_data> Vm::clock() const {
  kvm_clock_data clock{};
  if (::ioctl(fd(), KVM_GET_CLOCK, &clock) != 0) {
    return errno_error(errno, "KVM_GET_CLOCK");
  }
  return clock;
}

}  // namespace kvmtsc::micro_vmm
