#include "collectors/identity_rules.h"

#include <chrono>

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

using Subject = IdentityRuleText::Subject;

IdentityRules rules(const std::vector<IdentityRuleText>& texts) {
  auto compiled = IdentityRules::compile(texts);
  EXPECT_TRUE(compiled.ok()) << compiled.error().text();
  return compiled ? *compiled : IdentityRules();
}

std::string refusal(const IdentityRuleText& text) {
  const std::vector<IdentityRuleText> texts{{.pattern = "fine"}, text};
  const auto compiled = IdentityRules::compile(texts);
  EXPECT_FALSE(compiled.ok());
  EXPECT_EQ(compiled.error().kind, ErrorKind::kInvalid);
  return compiled.error().text();
}

TEST(IdentityRules, FillTemplatesFromTheSubjectThatTheyName) {
  const auto set = rules({{.subject = Subject::kCgroup,
                           .pattern = R"(machine-qemu\\x2d(\d+)\\x2d(.+)\.scope)",
                           .name = "\\2",
                           .uuid = "id \\1 \\\\"}});
  const auto match = set.match("vmm run", "/machine.slice/machine-qemu\\x2d7\\x2dweb.scope");
  ASSERT_TRUE(match);
  EXPECT_EQ(match->name, "web");
  EXPECT_EQ(match->uuid, "id 7 \\");
  EXPECT_FALSE(set.match("/machine-qemu\\x2d7\\x2dweb.scope", "/"));
}

TEST(IdentityRules, TheFirstMatchDecidesEvenWithNothingToSay) {
  const auto set = rules({{.pattern = "--quiet"},
                          {.pattern = "vmm (a)?(\\w*)", .name = "<\\1\\2>"},
                          {.pattern = "", .name = "rest"}});
  EXPECT_EQ(set.match("vmm --quiet", "")->name, "");
  EXPECT_EQ(set.match("vmm bee", "")->name, "<bee>");  // group 1 took no part
  EXPECT_EQ(set.match("", "")->name, "rest");
  EXPECT_FALSE(IdentityRules().match("vmm", "/"));
}

TEST(IdentityRules, NineGroups) {
  const auto set = rules({{.pattern = "(.)(.)(.)(.)(.)(.)(.)(.)(.)(.)", .name = "\\9\\1\\0"}});
  EXPECT_EQ(set.match("abcdefghij", "")->name, "iaabcdefghij");
}

TEST(IdentityRules, RefuseWhatCannotWorkAndSayWhichRule) {
  EXPECT_NE(refusal({.pattern = "(a"}).find("identity rule 2: pattern \"(a\": missing )"),
            std::string::npos);
  EXPECT_NE(refusal({.pattern = "(?=a)b"}).find("no look-around"), std::string::npos);
  EXPECT_NE(refusal({.pattern = "(a)\\1"}).find("back-references"), std::string::npos);
  EXPECT_NE(refusal({.pattern = "(a)", .name = "\\2"}).find("template \"\\2\""), std::string::npos);
  EXPECT_NE(refusal({.pattern = "a", .uuid = "\\x"}).find("template \"\\x\""), std::string::npos);
  EXPECT_NE(refusal({.pattern = "a", .uuid = "x\\"}).find("template"), std::string::npos);
  EXPECT_NE(refusal({.pattern = "\xFF"}).find("UTF-8"), std::string::npos);
  EXPECT_NE(refusal({.pattern = "((\\pL{100}){9})"}).find("too large"), std::string::npos);
}

TEST(IdentityRules, APatternThatBacktracksElsewhereIsLinearHere) {
  const auto set = rules({{.pattern = "(a*)*(a*)*(a*)*b$", .name = "x"}});
  const std::string subject(std::size_t{256} * 1024, 'a');
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(set.match(subject, ""));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(10));
}

}  // namespace
}  // namespace kvmtsc
