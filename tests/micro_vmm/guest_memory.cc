#include "tests/micro_vmm/guest_memory.h"

#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstring>

namespace kvmtsc::micro_vmm {
namespace {

constexpr std::uint64_t kStacksEnd = 0x10000;
constexpr std::uint64_t kStackBytes = 16;
constexpr std::uint64_t kCellsAddress = 0x10000;
constexpr std::uint64_t kPvclockAddress = 0x20000;
constexpr std::uint64_t kMemoryBytes = 0x30000;
constexpr std::uint64_t kSlotBytes = 64;
static_assert(kStacksEnd - kMaxSlots * kStackBytes == 0xc000);
static_assert(kCellsAddress + kMaxSlots * kSlotBytes <= kPvclockAddress);
static_assert(kPvclockAddress + kMaxSlots * kSlotBytes <= kMemoryBytes);

// Memory that another processor writes: each word is one atomic load.
template <typename Word>
Word load(const std::uint8_t* address) {
  auto* word = reinterpret_cast<Word*>(const_cast<std::uint8_t*>(address));
  return std::atomic_ref<Word>(*word).load(std::memory_order_acquire);
}

}  // namespace

std::uint64_t cell_address(unsigned slot) {
  assert(slot < kMaxSlots);
  return kCellsAddress + slot * kSlotBytes;
}

std::uint64_t stack_address(unsigned slot) {
  assert(slot < kMaxSlots);
  return kStacksEnd - slot * kStackBytes;
}

std::uint64_t pvclock_address(unsigned slot) {
  assert(slot < kMaxSlots);
  return kPvclockAddress + slot * kSlotBytes;
}

Result<std::unique_ptr<GuestMemory>> GuestMemory::create(int vm_fd, GuestProgram program) {
  void* mapping = ::mmap(nullptr, kMemoryBytes, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) {
    return errno_error(errno, "mmap of guest memory");
  }
  std::unique_ptr<GuestMemory> memory(new GuestMemory(static_cast<std::uint8_t*>(mapping)));
  const auto code = guest_code(program);
  std::memcpy(memory->base_ + kCodeAddress, code.data(), code.size());
  constexpr std::uint16_t kHandler = kCodeAddress + kTimerHandler;  // of segment 0
  std::memcpy(memory->base_ + kTimerVector * 4, &kHandler, sizeof kHandler);

  kvm_userspace_memory_region region{};
  region.memory_size = kMemoryBytes;
  region.userspace_addr = reinterpret_cast<std::uintptr_t>(mapping);
  if (::ioctl(vm_fd, KVM_SET_USER_MEMORY_REGION, &region) != 0) {
    return errno_error(errno, "KVM_SET_USER_MEMORY_REGION");
  }
  return memory;
}

GuestMemory::~GuestMemory() {
  ::munmap(base_, kMemoryBytes);
}

std::optional<CellValue> GuestMemory::read_cell(unsigned slot) const {
  const std::uint8_t* cell = base_ + cell_address(slot);
  const auto before = load<std::uint32_t>(cell);
  const auto guest_tsc = load<std::uint64_t>(cell + 8);
  const auto after = load<std::uint32_t>(cell);
  if (before == 0 || before % 2 != 0 || before != after) {
    return std::nullopt;
  }
  return CellValue{before, guest_tsc};
}

void GuestMemory::set_interval(unsigned slot, std::uint64_t ticks) {
  auto* word = reinterpret_cast<std::uint64_t*>(base_ + cell_address(slot) + 16);
  std::atomic_ref<std::uint64_t>(*word).store(ticks);
}

std::optional<Firing> GuestMemory::read_firing(unsigned slot) const {
  const std::uint8_t* cell = base_ + cell_address(slot);
  const auto before = load<std::uint32_t>(cell);
  const auto guest_tsc = load<std::uint64_t>(cell + 8);
  const auto deadline = load<std::uint64_t>(cell + 32);
  const auto after = load<std::uint32_t>(cell);
  if (before == 0 || before % 2 != 0 || before != after) {
    return std::nullopt;
  }
  return Firing{before / 2, deadline, guest_tsc};
}

std::optional<PvclockPage> GuestMemory::read_pvclock(unsigned slot) const {
  const std::uint8_t* source = base_ + pvclock_address(slot);
  PvclockPage page;
  static_assert(sizeof(page) % sizeof(std::uint64_t) == 0);
  for (std::size_t at = 0; at < sizeof(page); at += sizeof(std::uint64_t)) {
    const auto word = load<std::uint64_t>(source + at);
    std::memcpy(reinterpret_cast<std::uint8_t*>(&page) + at, &word, sizeof(word));
  }
  const auto after = load<std::uint32_t>(source);
  if (page.version == 0 || page.version % 2 != 0 || page.version != after) {
    return std::nullopt;
  }
  return page;
}

}  // namespace kvmtsc::micro_vmm
