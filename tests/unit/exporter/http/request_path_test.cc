#include "exporter/http/request_path.h"

#include <string>

#include <gtest/gtest.h>

namespace kvmtsc::http {
namespace {

TEST(DecodePath, DecodesAllButTheSlash) {
  EXPECT_EQ(decode_path("/"), "/");
  EXPECT_EQ(decode_path("/-/healthy"), "/-/healthy");
  EXPECT_EQ(decode_path("/%6d%65trics"), "/metrics");
  EXPECT_EQ(decode_path("/%41%5A%7e"), "/AZ~");
  EXPECT_EQ(decode_path("/api%2fv1%2F"), "/api%2Fv1%2F");
  EXPECT_EQ(decode_path("/%252e"), "/%252e");  // once, not twice
  EXPECT_EQ(decode_path("/a/../b"), "/a/../b");
  EXPECT_EQ(decode_path("/%2e%2e/etc"), "/../etc");
}

TEST(DecodeSegment, GivesWhatWasEncoded) {
  EXPECT_EQ(decode_segment(""), "");
  EXPECT_EQ(decode_segment("a%2Fb%25"), "a/b%");
  EXPECT_EQ(decode_segment("%252F"), "%2F");
}

TEST(DecodePath, RefusesWhatIsNoPath) {
  for (const char* raw : {"", "*", "metrics", "/%", "/%4", "/%zz", "/%4g", "/%00", "/a%0d%0ab",
                          "/%7f", "http://host/"}) {
    EXPECT_FALSE(decode_path(raw)) << raw;
  }
}

}  // namespace
}  // namespace kvmtsc::http
