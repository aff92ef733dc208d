#include "collectors/attach_rules.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

using Subject = AttachRuleText::Subject;
using Texts = std::vector<AttachRuleText>;
using testing::HasSubstr;

// Empty where it may be attached to, else the message.
std::string verdict(const Texts& exclude, const Texts& include,
                    const AttachRules::Subjects& vm = {"db-1", "c7a5fdbd",
                                                       std::string("/usr/bin/kvm -id 100"),
                                                       std::string("/qemu.slice/100.scope")}) {
  const auto rules = AttachRules::compile(exclude, include);
  EXPECT_TRUE(rules.ok());
  const Status admitted = rules->admit(vm);
  if (!admitted) {
    EXPECT_EQ(admitted.error().kind, ErrorKind::kExcluded);
    EXPECT_THAT(admitted.error().remedy, HasSubstr("attach.exclude"));
  }
  return admitted ? "" : admitted.error().message;
}

TEST(AttachRules, WithoutAnyEveryVmIsAdmitted) {
  EXPECT_EQ(verdict({}, {}), "");
  EXPECT_TRUE(AttachRules().admit({"", "", Error{}, Error{}}));
}

TEST(AttachRules, EachSubjectIsLookedAt) {
  EXPECT_EQ(verdict({{Subject::kName, "^db-"}}, {}),
            "not attached to: attach.exclude[0] matches its name");
  EXPECT_EQ(verdict({{Subject::kUuid, "^web"}, {Subject::kUuid, "^c7a5"}}, {}),
            "not attached to: attach.exclude[1] matches its uuid");
  EXPECT_EQ(verdict({{Subject::kCommandLine, "-id 100$"}}, {}),
            "not attached to: attach.exclude[0] matches its cmdline");
  EXPECT_EQ(verdict({{Subject::kCgroup, "/100\\.scope"}}, {}),
            "not attached to: attach.exclude[0] matches its cgroup");
  EXPECT_EQ(verdict({{Subject::kName, "qemu"}, {Subject::kUuid, "web"}}, {}), "");
}

TEST(AttachRules, WithIncludeOnlyThoseThatMatchAreAdmitted) {
  EXPECT_EQ(verdict({}, {{Subject::kName, "^web"}, {Subject::kCgroup, "qemu"}}), "");
  EXPECT_EQ(verdict({}, {{Subject::kName, "^web"}}),
            "not attached to: no rule of attach.include matches it");
}

TEST(AttachRules, ExcludeWins) {
  EXPECT_EQ(verdict({{Subject::kName, "^db"}}, {{Subject::kName, "^db"}}),
            "not attached to: attach.exclude[0] matches its name");
}

TEST(AttachRules, WhatCannotBeReadLetsNoVmThrough) {
  const AttachRules::Subjects unread{"db-1", "u", Error{ErrorKind::kPermission, "may not", {}},
                                     Error{ErrorKind::kPermission, "may not", {}}};
  EXPECT_EQ(verdict({{Subject::kCgroup, "x"}}, {}, unread),
            "not attached to: whether attach.exclude[0] is about it is not known: may not");
  EXPECT_EQ(verdict({{Subject::kName, "x"}}, {}, unread), "") << "the name is known";
  EXPECT_EQ(verdict({}, {{Subject::kCommandLine, "."}}, unread),
            "not attached to: no rule of attach.include matches it");
  EXPECT_EQ(verdict({}, {{Subject::kCommandLine, "."}, {Subject::kName, "db"}}, unread), "");
}

TEST(AttachRules, APatternThatDoesNotCompileIsNamed) {
  const auto rules = AttachRules::compile({}, Texts{{Subject::kName, "a"}, {Subject::kName, "("}});
  ASSERT_FALSE(rules);
  EXPECT_THAT(rules.error().message, HasSubstr("attach.include[1]: pattern \"(\""));
}

}  // namespace
}  // namespace kvmtsc
