#include "tests/micro_vmm/vcpu.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "tests/micro_vmm/guest_memory.h"
#include "tests/micro_vmm/kvm_ioctl_numbers.h"

namespace kvmtsc::micro_vmm {
namespace {

constexpr std::uint32_t kMsrSystemTimeNew = 0x4b564d01;  // uapi/asm/kvm_para.h
constexpr std::uint64_t kSystemTimeEnabled = 1;

kvm_device_attr offset_attribute(std::int64_t* ticks) {
  kvm_device_attr attribute{};
  attribute.group = KVM_VCPU_TSC_CTRL;
  attribute.attr = KVM_VCPU_TSC_OFFSET;
  attribute.addr = reinterpret_cast<std::uintptr_t>(ticks);
  return attribute;
}

Error vcpu_error(int error_number, VcpuId id, const std::string& what) {
  return errno_error(error_number, "vCPU " + std::to_string(id) + ": " + what);
}

}  // namespace

Result<std::unique_ptr<Vcpu>> Vcpu::create(int vm_fd, GuestMemory* memory, const VcpuSetup& setup) {
  UniqueFd fd(::ioctl(vm_fd, KVM_CREATE_VCPU, static_cast<unsigned long>(setup.id)));
  if (!fd.valid()) {
    return vcpu_error(errno, setup.id, "KVM_CREATE_VCPU");
  }
  std::unique_ptr<Vcpu> vcpu(new Vcpu(std::move(fd), setup));
  if (setup.program == GuestProgram::kIdle) {
    return vcpu;
  }
  if (Status mapped = vcpu->map_run(); !mapped) {
    return mapped.error();
  }
  if (Status state = vcpu->set_initial_state(); !state) {
    return state.error();
  }
  if (setup.pvclock) {
    if (Status page = vcpu->set_pvclock_page(); !page) {
      return page.error();
    }
  }
  if (setup.program == GuestProgram::kTimer) {
    if (Status set = vcpu->set_cpuid(); !set) {
      return set.error();
    }
    const auto khz = vcpu->khz();
    if (!khz) {
      return khz.error();
    }
    memory->set_interval(setup.slot, std::uint64_t{setup.interval_ms} * *khz);
  }
  vcpu->thread_ = std::make_unique<VcpuThread>(vcpu->fd_.get(), vcpu->run_);
  return vcpu;
}

Vcpu::~Vcpu() {
  thread_.reset();
  if (run_ != nullptr) {
    ::munmap(run_, setup_.run_bytes);
  }
}

std::optional<pid_t> Vcpu::tid() const {
  return thread_ ? std::optional(thread_->tid()) : std::nullopt;
}

void Vcpu::end_thread() {
  const auto ended = tid();
  thread_.reset();
  // Who joins a thread may be told before the kernel has taken it off its lists.
  while (ended && ::syscall(SYS_tgkill, ::getpid(), *ended, 0) == 0) {
    std::this_thread::yield();
  }
}

std::optional<Error> Vcpu::failure() {
  return thread_ ? thread_->failure() : std::nullopt;
}

void Vcpu::pause() {
  if (thread_) {
    thread_->pause();
  }
}

void Vcpu::resume() {
  if (thread_) {
    thread_->resume();
  }
}

Status Vcpu::map_run() {
  void* mapping =
      ::mmap(nullptr, setup_.run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_.get(), 0);
  if (mapping == MAP_FAILED) {
    return vcpu_error(errno, setup_.id, "mmap of kvm_run");
  }
  run_ = static_cast<kvm_run*>(mapping);
  return ok_status();
}

// Real mode, CS at 0 and DS at the vCPU's cell. Selectors match their bases, as processors without
// unrestricted guests demand. With an in-kernel irqchip all but vCPU 0 would wait for a SIPI.
Status Vcpu::set_initial_state() {
  kvm_sregs segments{};
  if (::ioctl(fd_.get(), KVM_GET_SREGS, &segments) != 0) {
    return vcpu_error(errno, setup_.id, "KVM_GET_SREGS");
  }
  segments.cs.base = 0;
  segments.cs.selector = 0;
  segments.ds.base = cell_address(setup_.slot);
  segments.ds.selector = static_cast<__u16>(segments.ds.base >> 4);
  if (::ioctl(fd_.get(), KVM_SET_SREGS, &segments) != 0) {
    return vcpu_error(errno, setup_.id, "KVM_SET_SREGS");
  }
  kvm_regs registers{};
  registers.rip = kCodeAddress;
  registers.rsp = stack_address(setup_.slot) & 0xffff;
  registers.rflags = 2;  // bit 1 is always set
  if (::ioctl(fd_.get(), KVM_SET_REGS, &registers) != 0) {
    return vcpu_error(errno, setup_.id, "KVM_SET_REGS");
  }
  kvm_mp_state runnable{};
  runnable.mp_state = KVM_MP_STATE_RUNNABLE;
  if (::ioctl(fd_.get(), KVM_SET_MP_STATE, &runnable) != 0) {
    return vcpu_error(errno, setup_.id, "KVM_SET_MP_STATE");
  }
  return ok_status();
}

// Leaf 1 alone tells of x2APIC (21) and TSC-deadline mode (24), and in EDX of MSRs, TSC and APIC.
Status Vcpu::set_cpuid() {
  TwoCpuidLeaves leaves;
  leaves.entries[0].eax = 1;
  leaves.entries[1].function = 1;
  leaves.entries[1].ecx = 1U << 21 | 1U << 24;
  leaves.entries[1].edx = 1U << 4 | 1U << 5 | 1U << 9;
  if (::ioctl(fd_.get(), kSetCpuid2, &leaves) != 0) {
    return vcpu_error(errno, setup_.id, "KVM_SET_CPUID2");
  }
  return ok_status();
}

Status Vcpu::set_pvclock_page() {
  OneMsr msr;
  msr.entry.index = kMsrSystemTimeNew;
  msr.entry.data = pvclock_address(setup_.slot) | kSystemTimeEnabled;
  const int written = ::ioctl(fd_.get(), kSetMsrs, &msr);
  if (written < 0) {
    return vcpu_error(errno, setup_.id, "KVM_SET_MSRS");
  }
  if (written != 1) {
    return Error{ErrorKind::kUnsupported,
                 "vCPU " + std::to_string(setup_.id) + ": KVM refused MSR_KVM_SYSTEM_TIME_NEW",
                 "run without --pvclock"};
  }
  return ok_status();
}

int Vcpu::ioctl_on_thread(unsigned long request, std::uintptr_t argument, int& error_number) {
  int result = -1;
  const std::function<void()> call = [&] {
    result = ::ioctl(fd_.get(), request, argument);
    error_number = errno;
  };
  if (thread_) {
    thread_->run_between_entries(call);
  } else {
    call();
  }
  return result;
}

Result<std::int64_t> Vcpu::offset() {
  std::int64_t ticks = 0;
  kvm_device_attr attribute = offset_attribute(&ticks);
  int error_number = 0;
  if (ioctl_on_thread(KVM_GET_DEVICE_ATTR, reinterpret_cast<std::uintptr_t>(&attribute),
                      error_number) != 0) {
    return vcpu_error(error_number, setup_.id, "KVM_GET_DEVICE_ATTR of the TSC offset");
  }
  return ticks;
}

Status Vcpu::set_offset(std::int64_t ticks) {
  kvm_device_attr attribute = offset_attribute(&ticks);
  int error_number = 0;
  if (ioctl_on_thread(KVM_SET_DEVICE_ATTR, reinterpret_cast<std::uintptr_t>(&attribute),
                      error_number) != 0) {
    return vcpu_error(error_number, setup_.id, "KVM_SET_DEVICE_ATTR of the TSC offset");
  }
  return ok_status();
}

Result<std::uint32_t> Vcpu::khz() {
  int error_number = 0;
  const int khz = ioctl_on_thread(KVM_GET_TSC_KHZ, 0, error_number);
  if (khz < 0) {
    return vcpu_error(error_number, setup_.id, "KVM_GET_TSC_KHZ");
  }
  return static_cast<std::uint32_t>(khz);
}

Status Vcpu::set_khz(std::uint32_t khz) {
  int error_number = 0;
  if (ioctl_on_thread(KVM_SET_TSC_KHZ, khz, error_number) != 0) {
    return vcpu_error(error_number, setup_.id,
                      "KVM_SET_TSC_KHZ to " + std::to_string(khz) + " kHz");
  }
  return ok_status();
}

Result<EntryLag> Vcpu::entry_lag(const GuestMemory& memory, std::uint32_t entries) {
  if (setup_.program != GuestProgram::kStamp || !thread_) {
    return Error{ErrorKind::kRefused, "the guest does not stamp", "start with --guest stamp"};
  }
  Result<EntryLag> lag = Error{};
  thread_->run_between_entries([&] {
    lag = measure_entry_lag(fd_.get(), *run_, memory, setup_.slot, entries, system_clock());
  });
  return lag;
}

}  // namespace kvmtsc::micro_vmm
