#include "tests/micro_vmm/pvclock.h"

namespace kvmtsc::micro_vmm {

std::uint64_t pvclock_nanoseconds(const PvclockPage& page, std::uint64_t ticks) {
  __extension__ using Wide = unsigned __int128;
  const std::uint64_t shifted =
      page.tsc_shift < 0 ? ticks >> -page.tsc_shift : ticks << page.tsc_shift;
  return static_cast<std::uint64_t>((Wide{shifted} * page.tsc_to_system_mul) >> 32);
}

std::uint64_t kvmclock_at(const PvclockPage& page, std::uint64_t guest_tsc) {
  return page.system_time + pvclock_nanoseconds(page, guest_tsc - page.tsc_timestamp);
}

}  // namespace kvmtsc::micro_vmm
