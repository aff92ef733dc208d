#include "base/rfc3339.h"

#include <limits>

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

TEST(Rfc3339, ReadsWhatItWrites) {
  for (const std::int64_t nanoseconds :
       {std::int64_t{0}, std::int64_t{1'700'000'000'000'000'001}, std::int64_t{-1},
        std::int64_t{-9'000'000'000'000'000'000}, std::int64_t{9'200'000'000'999'999'999}}) {
    const RealTime time{Nanoseconds{nanoseconds}};
    const auto read = parse_rfc3339(rfc3339(time));
    ASSERT_TRUE(read) << rfc3339(time);
    EXPECT_EQ(*read, time) << rfc3339(time);
  }
}

TEST(Rfc3339, ReadsNothingElse) {
  for (const char* text :
       {"", "now", "2026-11-24", "2026-11-24T09:30:00Z", "2026-11-24T09:30:00.5Z",
        "2026-02-31T09:30:00.000000001Z", "2026-11-24T09:30:00.000000001+01:00",
        " 2026-11-24T09:30:00.000000001Z", "2026-11-24T09:30:00.000000001Z ",
        "9999-11-24T09:30:00.000000001Z", "0001-11-24T09:30:00.000000001Z",
        "2026-11-24T09:30:61.000000001Z", "2026-11-24T09:30:00.-00000001Z"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

}  // namespace
}  // namespace kvmtsc
