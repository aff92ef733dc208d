// GuestMemory: the physical memory of one VM, shared with its guest.
//
//   0x01000  the guest's code
//   0x10000  one 64-byte cell a vCPU, by slot: u32 sequence, u32 -, u64 guest TSC
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

struct CellValue {
  std::uint32_t sequence = 0;  // even; grows by 2 with every store
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

  // The vCPU's pvclock page, or absent while KVM is writing it or has never written it.
  std::optional<PvclockPage> read_pvclock(unsigned slot) const;

 private:
  explicit GuestMemory(std::uint8_t* base) : base_(base) {}
  std::uint8_t* base_;
};

}  // namespace kvmtsc::micro_vmm
