// The guests: a few bytes of 16-bit real-mode code, which needs no page tables.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace kvmtsc::micro_vmm {

enum class GuestProgram {
  kSpin,   // keeps storing RDTSC into its cell (guest_memory.h); never leaves KVM_RUN by itself
  kStamp,  // stores RDTSC into its cell once, then HLT: one store an entry (entry_lag.h)
  kHalt,   // HLT with interrupts off: sleeps in KVM_RUN for ever (with an in-kernel irqchip)
  kTimer,  // idle: arms its TSC-deadline timer, sleeps in HLT, notes what it is woken at, and again
  kIdle,   // the vCPU exists and never enters KVM_RUN; it has no thread and no memory
};

std::string_view guest_program_name(GuestProgram program);  // "spin", "stamp", ...
std::optional<GuestProgram> guest_program_by_name(std::string_view name);

// The program's code, position-independent; empty for kIdle. kSpin, kStamp and kTimer address their
// cell through DS.
std::span<const std::uint8_t> guest_code(GuestProgram program);

// kTimer's interrupt: its vector, and where in the code its handler begins. It needs an in-kernel
// LAPIC, a CPUID with x2APIC and TSC-deadline mode, and a stack.
inline constexpr unsigned kTimerVector = 0x20;
inline constexpr std::uint16_t kTimerHandler = 0x51;

}  // namespace kvmtsc::micro_vmm
