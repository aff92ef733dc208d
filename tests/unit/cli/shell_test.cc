#include "cli/shell.h"

#include <stdio.h>

#include <array>

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

// What a shell makes of it.
std::string echoed(const std::string& word) {
  FILE* const shell = ::popen(("printf %s " + word).c_str(), "r");
  std::array<char, 256> text{};
  const std::size_t got = ::fread(text.data(), 1, text.size(), shell);
  ::pclose(shell);
  return {text.data(), got};
}

TEST(Shell, TakesEachWordAsItWas) {
  for (const char* word : {"web-1", "two words", "it's", "$(reboot)", "a;b", "`x`", "*", "\\", "-x",
                           "\"", "!", "b\xC3\xA4r", "a\\'b"}) {
    EXPECT_EQ(echoed(shell_word(word)), word);
  }
  EXPECT_EQ(shell_word("web-1"), "web-1");
  EXPECT_EQ(shell_word(""), "''");
}

TEST(Shell, AVmThatLooksLikeAFlagComesAfterThem) {
  EXPECT_EQ(command_for("show", "web 1"), "kvm-tsc show 'web 1'");
  EXPECT_EQ(command_for("correct", "web", "--plan p-1"), "kvm-tsc correct web --plan p-1");
  EXPECT_EQ(command_for("correct", "-web", "--plan p-1"), "kvm-tsc correct --plan p-1 -- -web");
  EXPECT_EQ(command_for("show", "-web"), "kvm-tsc show -- -web");
}

TEST(Shell, NothingCommandsTheTerminal) {
  EXPECT_EQ(shell_word("a\033[2Jb"), "'a?[2Jb'");
}

}  // namespace
}  // namespace kvmtsc
