// nearest(), Problems, build_info(): the small helpers of messages.
#include <array>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/nearest.h"
#include "base/version.h"
#include "config/problems.h"

namespace kvmtsc {
namespace {

using testing::HasSubstr;

constexpr std::array<std::string_view, 4> kWords{"sweep.interval", "path.procfs", "path.sysfs",
                                                 "demo"};

TEST(Nearest, FindsWhatWasMeant) {
  EXPECT_EQ(nearest("sweep.intervall", kWords), "sweep.interval");
  EXPECT_EQ(nearest("swepe.interval", kWords), "sweep.interval");
  EXPECT_EQ(nearest("dmeo", kWords), "demo");
  EXPECT_EQ(nearest("path.profs", kWords), "path.procfs");
  EXPECT_EQ(nearest("procfs", kWords), "path.procfs");
}

TEST(Nearest, DoesNotGuessWildly) {
  EXPECT_FALSE(nearest("", kWords));
  EXPECT_FALSE(nearest("x", kWords));
  EXPECT_FALSE(nearest("frobnicate", kWords));
  EXPECT_FALSE(nearest(std::string(100000, 'x'), kWords));
  EXPECT_FALSE(nearest("a", {}));
}

TEST(Problems, AreListedInTheOrderOfTheLines) {
  Problems problems;
  EXPECT_TRUE(problems.empty());
  problems.add(7, "b", "wrong", "it takes x");
  problems.add(2, "a", "odd", "");
  problems.add(0, "", "bare", "fix it");
  const Error error = problems.error("f.yml");
  EXPECT_EQ(error.kind, ErrorKind::kInvalid);
  EXPECT_EQ(error.message, "f.yml: bare; fix it\nf.yml:2: a: odd\nf.yml:7: b: wrong; it takes x");
}

TEST(Problems, AreNotListedWithoutEnd) {
  Problems problems;
  for (std::size_t i = 1; i <= 25; ++i) {
    problems.add(i, "k", "wrong", "");
  }
  const std::string text = problems.error("f").message;
  EXPECT_THAT(text, HasSubstr("f:20: k: wrong\nand 5 more"));
  EXPECT_THAT(text, testing::Not(HasSubstr("f:21")));
}

TEST(Problems, QuoteWhatTheyShow) {
  EXPECT_EQ(in_quotes("a\n\x1b[31m\xff"), "\"a??[31m\xEF\xBF\xBD\"");
  EXPECT_LE(in_quotes(std::string(1000, 'x')).size(), 62U);
  Problems problems;
  problems.add(1, "k\ney", "wrong", "");
  EXPECT_EQ(problems.error("f").message, "f:1: k?ey: wrong");
}

TEST(Version, NamesTheBuild) {
  const BuildInfo info = build_info();
  EXPECT_THAT(std::string(info.version), testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_FALSE(info.revision.empty());
  EXPECT_THAT(std::string(info.compiler), testing::MatchesRegex("(GCC|Clang) [0-9].*[^ ]"));
  const std::string text = version_text();
  EXPECT_THAT(text, testing::StartsWith("kvm-tsc-exporter " + std::string(info.version)));
  EXPECT_THAT(text, HasSubstr(std::string(info.revision)));
  EXPECT_EQ(text.find('\n'), text.size() - 1);
}

}  // namespace
}  // namespace kvmtsc
