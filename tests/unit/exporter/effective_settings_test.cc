// No setting is overridden by another without a word.
#include "exporter/effective_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"

namespace kvmtsc {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Settings loaded(std::vector<std::string> arguments) {
  const auto settings = load_settings(CommandLine{std::move(arguments), {}, false});
  EXPECT_TRUE(settings) << settings.error().text();
  return settings ? *settings : Settings{};
}

TEST(EffectiveSettings, DefaultsNeedNoWords) {
  EXPECT_THAT(setting_notes(loaded({})), IsEmpty());
  EXPECT_EQ(audit_place(loaded({})), ":memory:");
  EXPECT_FALSE(corrects_simulated_vms(loaded({})));
}

TEST(EffectiveSettings, RulesOnAttachingAreNotUsedWhereNobodyAttaches) {
  const auto settings =
      parse_settings("attach:\n  exclude:\n    - {match: name, pattern: x}\n", "f");
  ASSERT_TRUE(settings);
  EXPECT_THAT(setting_notes(*settings),
              ElementsAre(SettingNote{"attach.exclude", "not used, for attach.mode is off"}));
}

TEST(EffectiveSettings, TheDemoSaysWhatItDoesByItself) {
  const Settings demo = loaded({"--demo"});
  EXPECT_TRUE(corrects_simulated_vms(demo));
  EXPECT_EQ(audit_place(demo), ":memory:");
  EXPECT_THAT(
      setting_notes(demo),
      ElementsAre(SettingNote{"correction.enabled", "true for simulated VMs, for this is the demo"},
                  SettingNote{"audit.path", "the demo's audit is in memory, for no path was set"}));
}

TEST(EffectiveSettings, TheDemoDoesAsItIsTold) {
  const Settings with_path = loaded({"--demo", "--audit.path=/tmp/a.db"});
  EXPECT_EQ(audit_place(with_path), "/tmp/a.db");
  EXPECT_THAT(setting_notes(with_path),
              ElementsAre(SettingNote{"correction.enabled",
                                      "true for simulated VMs, for this is the demo"}));

  const Settings without_corrections = loaded({"--demo", "--correction.enabled=false"});
  EXPECT_FALSE(corrects_simulated_vms(without_corrections));
  EXPECT_THAT(setting_notes(without_corrections), IsEmpty());
}

TEST(EffectiveSettings, WhatIsSetAndNotUsedIsSaid) {
  EXPECT_THAT(
      setting_notes(loaded({"--attach.clock-interval=5s", "--attach.suspend-seccomp",
                            "--correction.per-vm-per-hour=3", "--audit.path=/tmp/a.db"})),
      ElementsAre(SettingNote{"attach.clock_interval", "not used, for attach.mode is off"},
                  SettingNote{"attach.suspend_seccomp", "not used, for attach.mode is off"},
                  SettingNote{"correction.per_vm_per_hour", "not used, for corrections are off"},
                  SettingNote{"audit.path", "not used, for corrections are off"}));
}

TEST(EffectiveSettings, WhatIsSetAndUsedIsNot) {
  EXPECT_THAT(setting_notes(loaded({"--attach.mode=correct", "--attach.clock-interval=5s",
                                    "--correction.enabled", "--correction.per-vm-per-hour=3",
                                    "--audit.path=/tmp/a.db"})),
              IsEmpty());
}

}  // namespace
}  // namespace kvmtsc
