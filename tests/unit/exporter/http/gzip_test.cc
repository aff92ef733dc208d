#include "exporter/http/gzip.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/fakes/gunzip.h"

namespace kvmtsc::http {
namespace {

using fakes::gunzip;

std::string exposition(int samples) {
  std::string text;
  for (int i = 0; i < samples; ++i) {
    text += "kvm_tsc_vcpu_skew_seconds{vm=\"a\",vcpu=\"" + std::to_string(i) + "\"} 0\n";
  }
  return text;
}

std::string noise(std::size_t size) {
  std::string bytes;
  unsigned state = 1;
  while (bytes.size() < size) {
    state = state * 1664525U + 1013904223U;
    bytes += static_cast<char>(state >> 24U);
  }
  return bytes;
}

TEST(Gzip, UnpacksToWhatWentIn) {
  for (const std::string& text :
       {std::string(), std::string("x"), exposition(50000), noise(100000)}) {
    EXPECT_EQ(gunzip(gzip(text).value()), text);
  }
  EXPECT_LT(gzip(exposition(50000))->size(), exposition(50000).size() / 8);
}

TEST(Gzip, MembersThatBeginAlikeAreWhole) {
  const std::string shared = exposition(1000);
  const auto start = start_gzip(shared);
  ASSERT_TRUE(start);
  // The third ends a block of the greatest size exactly, the last takes several blocks.
  for (const std::string& end :
       {std::string(), std::string("# EOF\n"), noise(65535), noise(65536), noise(200000)}) {
    EXPECT_EQ(gunzip(start->bytes + end_gzip(*start, end)), shared + end) << end.size();
  }
}

TEST(Gzip, AMemberMayBeginWithNothing) {
  const auto start = start_gzip("");
  ASSERT_TRUE(start);
  EXPECT_EQ(gunzip(start->bytes + end_gzip(*start, "process_open_fds 3\n")),
            "process_open_fds 3\n");
}

TEST(Gzip, NothingCanBeTakenForTheOtherHalf) {
  const auto start = start_gzip(exposition(10));
  ASSERT_TRUE(start);
  EXPECT_EQ(gunzip(start->bytes), std::nullopt);
  EXPECT_EQ(gunzip(end_gzip(*start, "x")), std::nullopt);
}

}  // namespace
}  // namespace kvmtsc::http
