// KVM's ioctl numbers for structures that end in a flexible array.
//
// uapi's __DECLARE_FLEX_ARRAY puts an empty struct before the array, whose size is 0 in C and 1 in
// C++. There sizeof(kvm_msrs) is 16 instead of 8, the size is part of the number, and the kernel
// answers KVM_SET_MSRS with EINVAL; likewise KVM_SET_CPUID2. These have the size that C gives.
#pragma once

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include <cstddef>
#include <cstdint>

namespace kvmtsc::micro_vmm {

inline constexpr std::size_t kMsrsHeaderBytes = 8;  // u32 nmsrs, u32 pad
inline constexpr unsigned long kSetMsrs = _IOC(_IOC_WRITE, KVMIO, 0x89, kMsrsHeaderBytes);

// struct kvm_msrs with one entry, laid out as the kernel reads it.
struct OneMsr {
  std::uint32_t count = 1;
  std::uint32_t pad = 0;
  kvm_msr_entry entry{};
};
static_assert(sizeof(OneMsr) == kMsrsHeaderBytes + sizeof(kvm_msr_entry));

inline constexpr std::size_t kCpuidHeaderBytes = 8;  // u32 nent, u32 padding
inline constexpr unsigned long kSetCpuid2 = _IOC(_IOC_WRITE, KVMIO, 0x90, kCpuidHeaderBytes);

// struct kvm_cpuid2 with two entries, laid out as the kernel reads it.
struct TwoCpuidLeaves {
  std::uint32_t count = 2;
  std::uint32_t padding = 0;
  kvm_cpuid_entry2 entries[2]{};
};
static_assert(sizeof(TwoCpuidLeaves) == kCpuidHeaderBytes + 2 * sizeof(kvm_cpuid_entry2));

}  // namespace kvmtsc::micro_vmm
