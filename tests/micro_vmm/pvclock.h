// The pvclock page: where KVM tells a guest how to turn its TSC into kvmclock. Pure.
//
// Source: struct pvclock_vcpu_time_info in arch/x86/include/asm/pvclock-abi.h and "KVM-specific
// MSRs" in Documentation/virt/kvm/x86/msr.rst.
#pragma once

#include <cstdint>

namespace kvmtsc::micro_vmm {

struct PvclockPage {
  std::uint32_t version = 0;  // odd while KVM writes the page
  std::uint32_t pad0 = 0;
  std::uint64_t tsc_timestamp = 0;      // guest TSC at which kvmclock was system_time
  std::uint64_t system_time = 0;        // nanoseconds
  std::uint32_t tsc_to_system_mul = 0;  // 32-bit fraction
  std::int8_t tsc_shift = 0;            // -31 to 31: left shift of the ticks before multiplying
  std::uint8_t flags = 0;               // bit 0: PVCLOCK_TSC_STABLE_BIT
  std::uint8_t pad[2] = {};
};
static_assert(sizeof(PvclockPage) == 32);

// `ticks` of the guest TSC as nanoseconds, rounded down.
std::uint64_t pvclock_nanoseconds(const PvclockPage& page, std::uint64_t ticks);

// kvmclock in nanoseconds when the guest's TSC is `guest_tsc`, at or after the page's timestamp.
std::uint64_t kvmclock_at(const PvclockPage& page, std::uint64_t guest_tsc);

}  // namespace kvmtsc::micro_vmm
