#include "base/proc_text.h"

#include <string>

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

TEST(ProcTextTest, StatusFieldsAreFoundByTheirWholeName) {
  const std::string status = "Name:\ta:b\nTgid:\t100\nTracerPid:\t 7 \nSeccomp_filters:\t3\n";
  EXPECT_EQ(status_field(status, "Name"), "a:b");
  EXPECT_EQ(status_field(status, "Tgid"), "100");
  EXPECT_EQ(status_field(status, "TracerPid"), "7");
  EXPECT_EQ(status_field(status, "Seccomp"), std::nullopt);
  EXPECT_EQ(status_field("", "Tgid"), std::nullopt);
}

TEST(ProcTextTest, StatFieldsAreCountedFromBehindTheName) {
  const std::string rest =
      " S 1 1 1 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 3 0 987654 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 "
      "16 5 0 0\n";
  for (const std::string name : {"(qemu)", "(a b) c) R (d)", "(new\nline)"}) {
    EXPECT_EQ(stat_field("42 " + name + rest, kStatStartTime), 987654U) << name;
    EXPECT_EQ(stat_field("42 " + name + rest, kStatLastCpu), 5U) << name;
  }
  EXPECT_EQ(stat_field("42 (qemu)" + rest, 8), std::nullopt) << "-1 is no unsigned number";
}

TEST(ProcTextTest, WhatIsCutOffIsAbsent) {
  EXPECT_EQ(stat_field("", kStatStartTime), std::nullopt);
  EXPECT_EQ(stat_field("42 (qemu)", kStatStartTime), std::nullopt);
  EXPECT_EQ(stat_field("42 (qemu) S 1 2 3", kStatStartTime), std::nullopt);
}

}  // namespace
}  // namespace kvmtsc
