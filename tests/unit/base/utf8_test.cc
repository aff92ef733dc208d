#include "base/utf8.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

TEST(Utf8, LeavesWellFormedTextAlone) {
  const std::string text = "web \"1\" \\ \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80\n";
  EXPECT_EQ(to_valid_utf8(text, 4096), text);
}

TEST(Utf8, ReplacesEachByteThatBelongsToNoSequence) {
  EXPECT_EQ(to_valid_utf8("a\xFF"
                          "b",
                          99),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(to_valid_utf8("\xC3", 99), "\xEF\xBF\xBD");                       // cut short
  EXPECT_EQ(to_valid_utf8("\xC0\xAF", 99), "\xEF\xBF\xBD\xEF\xBF\xBD");       // overlong
  EXPECT_EQ(to_valid_utf8("\xED\xA0\x80", 99).size(), 9u);                    // surrogate
  EXPECT_EQ(to_valid_utf8("\xF4\x90\x80\x80", 99).size(), 12u);               // above U+10FFFF
  EXPECT_EQ(to_valid_utf8(std::string_view("\0x", 2), 99), "\xEF\xBF\xBDx");  // NUL
}

TEST(Utf8, CutsAtACharacterBoundaryAndSaysSo) {
  EXPECT_EQ(to_valid_utf8("abcdef", 6), "abcdef");
  EXPECT_EQ(to_valid_utf8("abcdefg", 6), "abc\xE2\x80\xA6");
  EXPECT_EQ(to_valid_utf8("ab\xE2\x82\xAC\xE2\x82\xAC", 7), "ab\xE2\x80\xA6");
  EXPECT_EQ(to_valid_utf8("abcd", 3), "\xE2\x80\xA6");
}

}  // namespace
}  // namespace kvmtsc
