// The table itself: keys, flags, defaults, help and the default file cannot drift apart.
#include <algorithm>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/parse.h"
#include "config/help.h"
#include "config/load.h"
#include "config/settings_schema.h"

namespace kvmtsc {
namespace {

using testing::HasSubstr;

std::string default_file() {
  auto content = read_file(KVM_TSC_DEFAULT_CONFIG, 1 << 20);
  EXPECT_TRUE(content) << KVM_TSC_DEFAULT_CONFIG;
  return content ? *std::move(content) : "";
}

TEST(SettingsSchema, FlagsAreTheirKeys) {
  std::set<std::string> keys;
  for (const Setting& setting : settings_schema()) {
    EXPECT_TRUE(keys.insert(setting.key).second) << setting.key;
    EXPECT_FALSE(setting.help.empty()) << setting.key;
    EXPECT_THAT(setting.takes, testing::StartsWith("it takes ")) << setting.key;
    if (setting.kind == SettingKind::kRules) {
      EXPECT_TRUE(setting.flag.empty());
      continue;
    }
    std::string flag = setting.flag.substr(2);
    std::string key = setting.key;
    for (std::string* word : {&flag, &key}) {
      std::replace(word->begin(), word->end(), '-', '.');
      std::replace(word->begin(), word->end(), '_', '.');
    }
    EXPECT_EQ(flag, key);
  }
}

TEST(SettingsSchema, DefaultsAreValidAndShown) {
  const Settings defaults;
  for (const Setting& setting : settings_schema()) {
    if (setting.kind == SettingKind::kRules) {
      continue;
    }
    Settings settings;
    const std::vector<std::string> values{setting.show(defaults)};
    ASSERT_TRUE(setting.assign(settings, values)) << setting.key;
    EXPECT_EQ(settings, defaults) << setting.key;
  }
}

TEST(SettingsSchema, ARefusedValueChangesNothing) {
  for (const Setting& setting : settings_schema()) {
    if (setting.kind == SettingKind::kRules) {
      continue;
    }
    Settings settings;
    const std::vector<std::string> values{"\x01"};
    const Status status = setting.assign(settings, values);
    ASSERT_FALSE(status) << setting.key;
    EXPECT_FALSE(status.error().message.empty());
    EXPECT_FALSE(status.error().remedy.empty());
    EXPECT_EQ(settings, Settings{}) << setting.key;
  }
}

TEST(DefaultFile, HoldsTheDefaults) {
  const auto settings = parse_settings(default_file(), "kvm-tsc-exporter.yml");
  ASSERT_TRUE(settings) << settings.error().text();
  EXPECT_EQ(*settings, Settings{});
}

// Not only the values: each key stands in the file, below its map, and its comment names its flag.
TEST(DefaultFile, NamesEveryKeyAndFlag) {
  const std::string content = default_file();
  std::set<std::string> keys;
  std::string map;
  for (const std::string_view line : split(content, '\n')) {
    const auto colon = line.find(':');
    const std::string_view name = trim(line.substr(0, colon));
    if (colon == std::string_view::npos || name.empty() || name[0] == '#' || name[0] == '-') {
      continue;
    }
    if (line[0] != ' ') {
      map = name;
      keys.insert(map);
    } else {
      keys.insert(map + "." + std::string(name));
    }
  }
  for (const Setting& setting : settings_schema()) {
    EXPECT_TRUE(keys.contains(setting.key)) << setting.key;
    if (!setting.flag.empty()) {
      EXPECT_THAT(content, HasSubstr("Flag: " + setting.flag)) << setting.key;
    }
  }
}

// The commented examples of rules are themselves a valid configuration.
TEST(DefaultFile, ItsExamplesAreValid) {
  const std::string content = default_file();
  std::string yaml;
  for (const std::string_view line : split(content, '\n')) {
    if (line == "identity:") {
      yaml += "identity:\n  rules:\n";
    } else if (line == "attach:") {
      yaml += "attach:\n  exclude:\n";
    } else if (line.starts_with("  #   - ") || line.starts_with("  #     ")) {
      yaml += "  " + std::string(line.substr(4)) + "\n";
    }
  }
  const auto settings = parse_settings(yaml, "example");
  ASSERT_TRUE(settings) << settings.error().text() << yaml;
  ASSERT_EQ(settings->identity_rules.size(), 1U);
  EXPECT_EQ(settings->identity_rules[0].uuid, "\\2");
  EXPECT_EQ(settings->attach_exclude,
            (std::vector<AttachRule>{{AttachSubject::kName, "^db-"},
                                     {AttachSubject::kCgroup, "/realtime\\.slice/"}}));
}

TEST(Help, TeachesEverySetting) {
  const std::string help = help_text();
  const Settings defaults;
  for (const Setting& setting : settings_schema()) {
    EXPECT_THAT(help, HasSubstr(setting.key));
    EXPECT_THAT(help, HasSubstr("\n" + setting.group + ":\n"));
    if (!setting.flag.empty()) {
      EXPECT_THAT(help, HasSubstr("\n  " + setting.flag)) << setting.key;
      const std::string value = setting.show(defaults);
      EXPECT_THAT(help, HasSubstr("Default: " + (value.empty() ? "none" : value) +
                                  ". YAML: " + setting.key + ";"));
    }
  }
  for (const char* flag : {"--config.file=PATH", "--config.check", "--version", "--help"}) {
    EXPECT_THAT(help, HasSubstr(std::string("\n  ") + flag));
  }
  EXPECT_THAT(help, HasSubstr("Examples:"));
  EXPECT_EQ(help.back(), '\n');
  for (const std::string_view line : split(help, '\n')) {
    EXPECT_LE(line.size(), 100U) << line;
  }
}

}  // namespace
}  // namespace kvmtsc
