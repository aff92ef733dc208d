#include "tests/micro_vmm/pvclock.h"

#include <gtest/gtest.h>

namespace kvmtsc::micro_vmm {
namespace {

PvclockPage page_with(std::uint32_t mul, std::int8_t shift) {
  PvclockPage page;
  page.tsc_timestamp = 1000;
  page.system_time = 5'000'000'000;
  page.tsc_to_system_mul = mul;
  page.tsc_shift = shift;
  return page;
}

TEST(PvclockTest, TimestampIsTheSystemTime) {
  EXPECT_EQ(kvmclock_at(page_with(0x80000000, 0), 1000), 5'000'000'000U);
}

TEST(PvclockTest, MultipliesByA32BitFraction) {
  EXPECT_EQ(kvmclock_at(page_with(0x80000000, 0), 1000 + 2000), 5'000'001'000U);
}

TEST(PvclockTest, ShiftsEitherWayFirst) {
  EXPECT_EQ(pvclock_nanoseconds(page_with(0x80000000, 1), 1000), 1000U);
  EXPECT_EQ(pvclock_nanoseconds(page_with(0x80000000, -1), 1000), 250U);
}

TEST(PvclockTest, ProductIsTakenIn128Bits) {
  constexpr std::uint64_t kYearOfTicks = 94'608'000'000'000'000;  // at 3 GHz
  // mul / 2^32 after a shift of -1 is 1/3 ns a tick, to 32 bits.
  const std::uint64_t ns = pvclock_nanoseconds(page_with(2863311531, -1), kYearOfTicks);
  EXPECT_NEAR(static_cast<double>(ns), 31'536'000e9, 31'536'000e9 / 4e9);
}

TEST(PvclockTest, GuestTscMayWrapAround) {
  PvclockPage page = page_with(0x80000000, 0);
  page.tsc_timestamp = UINT64_MAX - 999;
  EXPECT_EQ(kvmclock_at(page, 1000), 5'000'001'000U);
}

}  // namespace
}  // namespace kvmtsc::micro_vmm
