// Vcpu: one virtual CPU and the KVM interfaces of its TSC.
//
// Every ioctl runs on the vCPU's own thread between two KVM_RUNs, or, where the guest is idle and
// there is no such thread, on the caller's. Any thread of the process that created the VM.
#pragma once

#include <linux/kvm.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"
#include "tests/micro_vmm/entry_lag.h"
#include "tests/micro_vmm/guest_code.h"
#include "tests/micro_vmm/vcpu_thread.h"
#include "tsc/reading.h"

namespace kvmtsc::micro_vmm {

struct VcpuSetup {
  VcpuId id = 0;
  unsigned slot = 0;  // place in guest memory (guest_memory.h)
  GuestProgram program = GuestProgram::kSpin;
  bool pvclock = false;           // give the vCPU a pvclock page
  std::uint32_t interval_ms = 0;  // of kTimer
  std::size_t run_bytes = 0;      // KVM_GET_VCPU_MMAP_SIZE
};

class Vcpu {
 public:
  // Creates the vCPU, ready at the start of the guest's code, and runs it unless it is idle.
  // `memory` is its VM's, null for an idle guest.
  static Result<std::unique_ptr<Vcpu>> create(int vm_fd, GuestMemory* memory,
                                              const VcpuSetup& setup);
  ~Vcpu();
  Vcpu(const Vcpu&) = delete;
  Vcpu& operator=(const Vcpu&) = delete;

  VcpuId id() const { return setup_.id; }
  unsigned slot() const { return setup_.slot; }
  std::optional<pid_t> tid() const;  // absent for an idle guest, and after end_thread()
  std::optional<Error> failure();    // see VcpuThread::failure

  void pause();
  void resume();
  // Ends the thread for good and keeps the vCPU, as QEMU does when one is unplugged. Afterwards the
  // kernel lists it no longer.
  void end_thread();

  // KVM_VCPU_TSC_OFFSET: ticks added to the (scaled) host TSC. A success of set_offset says only
  // that KVM accepted it; some accept and ignore.
  Result<std::int64_t> offset();
  Status set_offset(std::int64_t ticks);

  // KVM_GET_TSC_KHZ and KVM_SET_TSC_KHZ: the guest TSC's frequency.
  Result<std::uint32_t> khz();
  Status set_khz(std::uint32_t khz);

  // Of a guest that stamps; see measure_entry_lag.
  Result<EntryLag> entry_lag(const GuestMemory& memory, std::uint32_t entries);

 private:
  Vcpu(UniqueFd fd, const VcpuSetup& setup) : fd_(std::move(fd)), setup_(setup) {}
  Status map_run();
  Status set_initial_state();
  // What the timer's guest needs.
  Status set_cpuid();
  Status set_pvclock_page();
  int ioctl_on_thread(unsigned long request, std::uintptr_t argument, int& error_number);

  UniqueFd fd_;
  const VcpuSetup setup_;
  kvm_run* run_ = nullptr;
  std::unique_ptr<VcpuThread> thread_;
};

}  // namespace kvmtsc::micro_vmm
