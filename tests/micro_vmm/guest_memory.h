// GuestMemory: the physical memory of one VM, shared with its guest.
//
//   0x00000  the interrupt vectors of real mode
//   0x01000  the guest's code
//   0x0c000  one 16-byte stack a vCPU, by slot, downwards from 0x10000
//   0x10000  one 64-byte cell a vCPU, by slot: u32 sequence, u32 -, u64 guest TSC; of kTimer also
//            u64 interval, u64 deadline armed, u64 deadline of that TSC, all in guest ticks
//   0x20000  one 64-byte pvclock page a vCPU, by slot
//   0x30000  end
//
// A vCPU's slot is the order of its creation, whatever its id. Pages are allocated as the guest
// touches them. Safe to read from any thread while the guest runs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/result.h"
#include "tests/micro_vmm/guest_code.h"
#include "tests/micro_vmm/pvclock.h"

namespace kvmtsc::micro_vmm {

inline constexpr std::uint64_t kCodeAddress = 0x1000;
inline constexpr unsigned kMaxSlots = 1024;

// Guest-physical addresses; `slot` below kMaxSlots.
std::uint64_t cell_address(unsigned slot);
std::uint64_t pvclock_address(unsigned slot);
std::uint64_t stack_address(unsigned slot);  // of its end

struct CellValue {
  std::uint32_t sequence = 0;  // even; grows by 2 with every store
  std::uint64_t guest_tsc = 0;
};

// The last time that a vCPU's timer woke it.
struct Firing {
  std::uint32_t times = 0;  // that it did, this one included
  std::uint64_t deadline = 0;
  std::uint64_t guest_tsc = 0;
};

class GuestMemory {
 public:
  // Maps the memory, puts the program's code into it and gives it to the VM as its slot 0.
  static Result<std::unique_ptr<GuestMemory>> create(int vm_fd, GuestProgram program);
  ~GuestMemory();
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;

  // The vCPU's cell, or absent while the guest is writing it or has never written it.
  std::optional<CellValue> read_cell(unsigned slot) const;

  // For how long kTimer sleeps; before it runs, or from its next sleep on.
  void set_interval(unsigned slot, std::uint64_t ticks);
  // Of kTimer; absent while the guest is writing it, or was not woken yet.
  std::optional<Firing> read_firing(unsigned slot) const;

  // The vCPU's pvclock page, or absent while KVM is writing it or has never written it.
  std::optional<PvclockPage> read_pvclock(unsigned slot) const;

 private:
  explicit GuestMemory(std::uint8_t* base) : base_(base) {}
  std::uint8_t* base_;
};

}  // namespace kvmtsc::micro_vmm
