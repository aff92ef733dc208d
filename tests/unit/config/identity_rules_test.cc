#include "config/identity_rules.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"

namespace kvmtsc {
namespace {

using testing::HasSubstr;

std::string refusal(const std::string& yaml) {
  const auto settings = parse_settings(yaml, "f");
  EXPECT_FALSE(settings) << yaml;
  return settings ? "" : settings.error().message;
}

// A rule from the lines of its map.
std::string with_rule(const std::string& keys) {
  return "identity:\n  rules:\n    - {" + keys + "}\n";
}

TEST(IdentityRules, AreReadInOrder) {
  const auto settings = parse_settings(R"(identity:
  rules:
    - match: cgroup
      pattern: '/tenant-([a-z]+)/([0-9a-f-]{36})'
      name: 't-\1 \\ x'
      uuid: '\2'
    - pattern: foo
      name: bar
)",
                                       "f");
  ASSERT_TRUE(settings) << settings.error().text();
  ASSERT_EQ(settings->identity_rules.size(), 2U);
  EXPECT_EQ(settings->identity_rules[0],
            (IdentityRule{IdentitySubject::kCgroup, "/tenant-([a-z]+)/([0-9a-f-]{36})",
                          "t-\\1 \\\\ x", "\\2"}));
  EXPECT_EQ(settings->identity_rules[1],
            (IdentityRule{IdentitySubject::kCommandLine, "foo", "bar", ""}));
}

TEST(IdentityRules, MayBeNone) {
  EXPECT_EQ(*parse_settings("identity:\n  rules:\n", "f"), Settings{});
  EXPECT_EQ(*parse_settings("identity:\n  rules: []\n", "f"), Settings{});
  EXPECT_EQ(*parse_settings("identity:\n", "f"), Settings{});
}

TEST(IdentityRules, PatternsCompile) {
  EXPECT_THAT(refusal(with_rule("pattern: 'a(', name: x")),
              HasSubstr("f:3: identity.rules[0].pattern: \"a(\" does not compile: missing )"));
  EXPECT_THAT(refusal(with_rule("pattern: '(?=a)', name: x")), HasSubstr("does not compile"));
  EXPECT_THAT(refusal(with_rule("pattern: '((a{100}){100}){100}', name: x")),
              HasSubstr("does not compile"));
  EXPECT_THAT(refusal(with_rule("pattern: '', name: x")), HasSubstr("empty"));
  EXPECT_THAT(refusal(with_rule("pattern: \"a\\nb\", name: x")), HasSubstr("line break"));
  EXPECT_THAT(refusal(with_rule("pattern: \"a\\0b\", name: x")), HasSubstr("control character"));
  EXPECT_THAT(refusal(with_rule("pattern: " + std::string(1025, 'a') + ", name: x")),
              HasSubstr("longer than 1024"));
  EXPECT_TRUE(parse_settings(with_rule("pattern: " + std::string(1024, 'a') + ", name: x"), "f"));
}

TEST(IdentityRules, TemplatesStayWithinTheGroups) {
  EXPECT_TRUE(parse_settings(with_rule("pattern: '(a)(b)', name: '\\1\\2'"), "f"));
  EXPECT_TRUE(parse_settings(with_rule("pattern: 'a', name: '\\\\1'"), "f"));
  EXPECT_THAT(refusal(with_rule("pattern: '(a)(b)', name: '\\3'")),
              HasSubstr("f:3: identity.rules[0].name: there is no group for \\3"));
  EXPECT_THAT(refusal(with_rule("name: '\\1', pattern: 'a'")),  // whatever the order
              HasSubstr("identity.rules[0].name: there is no group for \\1"));
  EXPECT_THAT(refusal(with_rule("pattern: '(?:a)', uuid: '\\1'")),
              HasSubstr("identity.rules[0].uuid: there is no group for \\1"));
  for (const char* text : {"'\\0'", "'\\x'", "'a\\'"}) {
    EXPECT_THAT(refusal(with_rule(std::string("pattern: '(a)', name: ") + text)),
                HasSubstr("identity.rules[0].name: a backslash"));
  }
}

TEST(IdentityRules, AreComplete) {
  EXPECT_THAT(refusal(with_rule("name: x")), HasSubstr("identity.rules[0].pattern: missing"));
  EXPECT_THAT(refusal(with_rule("pattern: x")), HasSubstr("neither name nor uuid"));
  EXPECT_THAT(
      refusal(with_rule("pattern: x, name: y, match: comm")),
      HasSubstr("identity.rules[0].match: \"comm\" is not known; it takes cmdline or cgroup"));
  EXPECT_THAT(refusal(with_rule("pattern: x, name: y, patern: z")),
              HasSubstr("identity.rules[0].patern: unknown key (did you mean \"pattern\"?)"));
  EXPECT_THAT(refusal(with_rule("pattern: x, name: y, name: z")),
              HasSubstr("identity.rules[0].name: given twice"));
  EXPECT_THAT(refusal(with_rule("pattern: [x], name: y")), HasSubstr("it is a list"));
  EXPECT_THAT(refusal(with_rule("pattern: x, name: {a: b}")), HasSubstr("it is a map"));
}

TEST(IdentityRules, AreAListOfMaps) {
  EXPECT_THAT(refusal("identity:\n  rules: x\n"), HasSubstr("f:2: identity.rules: not a list"));
  EXPECT_THAT(refusal("identity:\n  rules: {pattern: x}\n"), HasSubstr("not a list"));
  EXPECT_THAT(refusal("identity:\n  rules: [x]\n"), HasSubstr("identity.rules[0]: it is a single"));
  EXPECT_THAT(refusal("identity:\n  rules:\n    -\n"), HasSubstr("identity.rules[0]: it has no"));
  std::string many = "identity:\n  rules:\n";
  for (int i = 0; i < 100; ++i) {
    many += "  - {pattern: a, name: b}\n";
  }
  EXPECT_TRUE(parse_settings(many, "f"));
  EXPECT_THAT(refusal(many + "  - {pattern: a, name: b}\n"), HasSubstr("takes at most 100"));
}

}  // namespace
}  // namespace kvmtsc
