// The KVM ioctls that are injected: their numbers, what they point to, and what their errors mean.
//
// Numbers that contain the size of a structure are checked against the values a C compiler gives
// (DESIGN fact 16: some differ in C++).
#pragma once

#include <linux/kvm.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "attach/ptrace/filter_verdict.h"
#include "attach/ptrace/saved_state.h"
#include "base/result.h"
#include "tsc/reading.h"

namespace kvmtsc::injection {

static_assert(sizeof(kvm_clock_data) == 48 && KVM_GET_CLOCK == 0x8030ae7c);
static_assert(sizeof(kvm_device_attr) == 24 && KVM_SET_DEVICE_ATTR == 0x4018aee1 &&
              KVM_GET_DEVICE_ATTR == 0x4018aee2);
// struct kvm_msrs is 8 bytes in C; in C++ its number would be another.
inline constexpr std::size_t kMsrsHeaderBytes = 8;
inline constexpr std::uint64_t kGetMsrs =
    _IOC(_IOC_READ | _IOC_WRITE, KVMIO, 0x88, kMsrsHeaderBytes);
inline constexpr std::uint64_t kSetMsrs = _IOC(_IOC_WRITE, KVMIO, 0x89, kMsrsHeaderBytes);
static_assert(kGetMsrs == 0xc008ae88 && kSetMsrs == 0x4008ae89);
static_assert(KVM_GET_TSC_KHZ == 0xaea3 && KVM_RUN == 0xae80 && KVM_KVMCLOCK_CTRL == 0xaead);

// An ioctl with the kernel's number for it; `argument` is a value or an address in the tracee.
SystemCall ioctl_call(int fd, std::uint64_t request, std::uint64_t argument);

// What is known of an ioctl beforehand; `name` is "ioctl " and its command's, and outlives it.
IntendedCall intended_ioctl(const char* name, std::optional<int> fd, std::uint64_t request,
                            std::optional<std::uint64_t> argument);
IntendedCall intended_clock_reading(int vm_fd);
IntendedCall intended_frequency_reading(std::optional<int> vcpu_fd);
// All that the writing of an offset can come to, and what it goes without where it is denied.
std::array<IntendedCall, 3> intended_correction(std::optional<int> vcpu_fd);
std::array<IntendedCall, 2> intended_rearming(std::optional<int> vcpu_fd);

// What went wrong when an injected ioctl `name` returned `result` (a negative errno).
Error ioctl_error(const char* name, std::int64_t result);

// What an injected ioctl `name` says that reads or writes one MSR: it returns how many it has done.
Status one_msr_done(const char* name, const Result<std::int64_t>& answer);

// kConflict: the vCPU does not have the offset that was expected.
Error offset_conflict(VcpuId id, std::int64_t expected, std::int64_t found);

// Reading and writing one vCPU's TSC offset by KVM_VCPU_TSC_OFFSET, laid out in the argument area.
class OffsetArguments {
 public:
  // Puts everything the calls point to in place. Before the thread's first call this costs nothing.
  static Status place(SavedState& state, std::int64_t offset_to_write);
  static Status set_offset_to_write(SavedState& state, std::int64_t offset);
  static Result<std::int64_t> offset_read(const SavedState& state);

  static SystemCall read_call(const SavedState& state, int vcpu_fd);
  static SystemCall write_call(const SavedState& state, int vcpu_fd);
};

// Reading one vCPU's IA32_TSC_DEADLINE and writing back what was read, beside OffsetArguments in
// the argument area. For both one_msr_done().
class DeadlineArguments {
 public:
  // As OffsetArguments::place.
  static Status place(SavedState& state);
  // What the last read call read: ticks of the guest TSC, 0 where no timer is armed.
  static Result<std::uint64_t> deadline_read(const SavedState& state);

  static SystemCall read_call(const SavedState& state, int vcpu_fd);
  static SystemCall write_call(const SavedState& state, int vcpu_fd);
};

}  // namespace kvmtsc::injection
