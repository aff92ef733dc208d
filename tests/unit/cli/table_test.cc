#include "cli/table.h"

#include <locale.h>

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

TEST(Table, AlignsAndLeavesNoBlanksAtTheEnd) {
  Table table({"VM", ">SKEW", "TRUST"});
  table.add({{"web"}, {"1"}, {"ok"}});
  table.add({{"a"}, {"1000"}, {""}});
  EXPECT_EQ(table.text(false), "VM   SKEW  TRUST\nweb     1  ok\na    1000\n");
}

TEST(Table, CountsWhatATerminalShows) {
  ::setlocale(LC_CTYPE, "C.UTF-8");
  EXPECT_EQ(display_width("\xC3\xA4"), 1u);      // a with diaeresis
  EXPECT_EQ(display_width("\xE6\x97\xA5"), 2u);  // a CJK character
  EXPECT_EQ(display_width("e\xCC\x81"), 1u);     // a combining accent
  EXPECT_EQ(display_width("\xFF"), 1u);
}

TEST(Table, NamesCannotCommandTheTerminal) {
  Table table({"VM"});
  table.add({{"a\033[2Jb\nc\xC2\x9B"}});
  EXPECT_EQ(table.text(false), "VM\na?[2Jb?c?\n");
}

TEST(Table, IsCutToTheTerminal) {
  ::setlocale(LC_CTYPE, "C.UTF-8");
  EXPECT_EQ(clipped("abcdef\nab\n", 4, 9), "abcd\nab\n");
  EXPECT_EQ(clipped("a\nb\nc\n", 9, 2), "a\nb\n");
  EXPECT_EQ(clipped("", 4, 4), "");
  EXPECT_EQ(clipped("\033[31mabcdef\033[0m\n", 4, 9), "\033[31mabcd\033[0m\n");
  EXPECT_EQ(clipped("abc\xE6\x97\xA5x\n", 4, 9), "abc\n");  // no half of a wide character
  EXPECT_EQ(clipped("abcde\033[0", 2, 9), "ab\033[0");
}

TEST(Table, ColoursOnlyWhereAsked) {
  EXPECT_EQ(in_colour("x", Colour::kRed, false), "x");
  EXPECT_EQ(in_colour("x", Colour::kRed, true), "\033[31mx\033[0m");
}

}  // namespace
}  // namespace kvmtsc
