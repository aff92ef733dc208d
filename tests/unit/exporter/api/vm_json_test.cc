#include "exporter/api/vm_json.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

// Of a VM whose TSC runs at 3 GHz and whose guest is told `khz`.
Json details_of(std::optional<std::uint32_t> khz) {
  VmState vm;
  vm.frequency = Frequency{3e9, 1};
  vm.tsc_khz = khz;
  return details_json(vm, Snapshot{});
}

TEST(VmJson, SaysWhetherKvmLetsAFalseFrequencyPass) {
  EXPECT_EQ(details_of({})["told_frequency_tolerated"], nullptr);
  EXPECT_EQ(details_of(3'000'000)["told_frequency_tolerated"], true);
  EXPECT_EQ(details_of(2'999'400)["told_frequency_tolerated"], true);  // 200 ppm
  EXPECT_EQ(details_of(3'000'900)["told_frequency_tolerated"], false);
  EXPECT_EQ(details_of(2'999'100)["told_frequency_tolerated"], false);
}

}  // namespace
}  // namespace kvmtsc
