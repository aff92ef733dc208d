#include "base/offset_writes.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "tests/fakes/temporary_directory.h"

namespace kvmtsc {
namespace {

TEST(OffsetWrites, AreIgnoredWhereKvmPvmIsTheOnlyKvm) {
  const TemporaryDirectory sysfs;
  const auto load = [&](const char* module) {
    std::filesystem::create_directories(sysfs.path() + "/module/" + module);
  };
  EXPECT_EQ(offset_writes(sysfs.path()), OffsetWrites::kDone);
  load("kvm_pvm");
  EXPECT_EQ(offset_writes(sysfs.path()), OffsetWrites::kIgnored);
  load("kvm_amd");
  EXPECT_EQ(offset_writes(sysfs.path()), OffsetWrites::kPerhapsIgnored);
}

}  // namespace
}  // namespace kvmtsc
