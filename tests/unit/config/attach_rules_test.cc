#include "config/attach_rules.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"

namespace kvmtsc {
namespace {

using testing::HasSubstr;

std::string refusal(const std::string& list) {
  const auto settings = parse_settings("attach:\n  exclude:\n" + list, "f");
  EXPECT_FALSE(settings) << list;
  return settings ? "" : settings.error().message;
}

TEST(AttachRules, AreReadInOrder) {
  const auto settings = parse_settings(R"(attach:
  exclude:
    - match: name
      pattern: '^db-'
    - {match: cgroup, pattern: '/realtime\.slice/'}
  include:
    - {match: cmdline, pattern: '-id 1[0-9]{2} '}
    - {match: uuid, pattern: '(?i)^C7A5'}
)",
                                       "f");
  ASSERT_TRUE(settings) << settings.error().text();
  EXPECT_EQ(settings->attach_exclude,
            (std::vector<AttachRule>{{AttachSubject::kName, "^db-"},
                                     {AttachSubject::kCgroup, "/realtime\\.slice/"}}));
  EXPECT_EQ(settings->attach_include,
            (std::vector<AttachRule>{{AttachSubject::kCommandLine, "-id 1[0-9]{2} "},
                                     {AttachSubject::kUuid, "(?i)^C7A5"}}));
  EXPECT_TRUE(settings->given.contains("attach.exclude"));
}

TEST(AttachRules, MayBeNone) {
  EXPECT_EQ(*parse_settings("attach:\n  exclude: []\n  include:\n", "f"), Settings{});
}

TEST(AttachRules, MistakesAreNamedByLineAndKey) {
  EXPECT_EQ(refusal("    - {match: names, pattern: x}\n"),
            "f:3: attach.exclude[0].match: \"names\" is not known; it takes name, uuid, cmdline or "
            "cgroup");
  EXPECT_EQ(refusal("    - {match: name, pattern: x}\n    - match: name\n      pattern: 'a('\n"),
            "f:5: attach.exclude[1].pattern: \"a(\" does not compile: missing ): a(; it takes a "
            "regular expression in RE2 syntax");
  EXPECT_THAT(refusal("    - {pattern: x}\n"), HasSubstr("f:3: attach.exclude[0].match: missing"));
  EXPECT_THAT(refusal("    - {match: name}\n"),
              HasSubstr("f:3: attach.exclude[0].pattern: missing"));
  EXPECT_THAT(refusal("    - {match: name, pattern: ''}\n"), HasSubstr("would match everything"));
  EXPECT_THAT(refusal("    - {match: name, pattern: x, name: y}\n"), HasSubstr("name"));
  EXPECT_THAT(refusal("    - x\n"), HasSubstr("attach.exclude[0]"));
  EXPECT_THAT(refusal("    -\n"), HasSubstr("attach.exclude[0]: it has no value"));
  EXPECT_THAT(refusal("    match: name\n"), HasSubstr("f:3: attach.exclude: not a list"));
  std::string many;
  for (int i = 0; i < 101; ++i) {
    many += "    - {match: name, pattern: x}\n";
  }
  EXPECT_THAT(refusal(many), HasSubstr("attach.exclude: 101 rules; it takes at most 100"));
}

}  // namespace
}  // namespace kvmtsc
