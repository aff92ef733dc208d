#include <initializer_list>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/load.h"

namespace kvmtsc {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Parsed = Result<std::variant<CommandLine, PrintAndExit>>;

Parsed parse(std::initializer_list<const char*> arguments) {
  std::vector<const char*> argv{"kvm-tsc-exporter"};
  argv.insert(argv.end(), arguments);
  return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

Result<Settings> load(std::initializer_list<const char*> arguments) {
  const Parsed parsed = parse(arguments);
  if (!parsed) {
    return parsed.error();
  }
  return load_settings(std::get<CommandLine>(*parsed));
}

std::string refusal(std::initializer_list<const char*> arguments) {
  const Parsed parsed = parse(arguments);
  EXPECT_FALSE(parsed);
  if (parsed) {
    return "";
  }
  EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalid);
  return parsed.error().message;
}

TEST(CommandLineFlags, NoneGiveTheDefaults) {
  EXPECT_EQ(*load({}), Settings{});
  const auto parsed = parse({});
  const auto& command_line = std::get<CommandLine>(*parsed);
  EXPECT_TRUE(command_line.arguments.empty());
  EXPECT_TRUE(command_line.config_file.empty());
  EXPECT_FALSE(command_line.check_only);
  EXPECT_TRUE(parse_command_line(0, nullptr));
}

TEST(CommandLineFlags, EveryOneArrives) {
  const auto settings = load({"--web.listen-address=127.0.0.1:1",
                              "--web.listen-address",
                              "[::1]:2",
                              "--web.config.file=w",
                              "--path.procfs=/p",
                              "--path.sysfs",
                              "/s",
                              "--path.debugfs=/d",
                              "--sweep.interval=1s",
                              "--attach.mode",
                              "correct",
                              "--attach.clock-interval=2s",
                              "--attach.suspend-seccomp",
                              "--correction.enabled",
                              "--correction.max-step=3us",
                              "--correction.per-vm-per-hour=7",
                              "--correction.per-host-per-hour",
                              "8",
                              "--audit.path=/a",
                              "--log.level=warn",
                              "--log.format",
                              "json",
                              "--demo"});
  ASSERT_TRUE(settings) << settings.error().text();
  Settings expected;
  expected.listen_addresses = {"127.0.0.1:1", "[::1]:2"};
  expected.web_config_file = "w";
  expected.paths = {"/p", "/s", "/d"};
  expected.sweep_interval = 1s;
  expected.attach_mode = AttachMode::kCorrect;
  expected.attach_clock_interval = 2s;
  expected.attach_suspend_seccomp = true;
  expected.correction_enabled = true;
  expected.correction_max_step = 3us;
  expected.correction_per_vm_per_hour = 7;
  expected.correction_per_host_per_hour = 8;
  expected.audit_path = "/a";
  expected.log_level = "warn";
  expected.log_format = LogFormat::kJson;
  expected.demo = true;
  EXPECT_EQ(*settings, expected);
}

TEST(CommandLineFlags, TheCommandItself) {
  const auto parsed = parse({"--config.file", "/x.yml", "--config.check"});
  ASSERT_TRUE(parsed);
  const auto& command_line = std::get<CommandLine>(*parsed);
  EXPECT_EQ(command_line.config_file, "/x.yml");
  EXPECT_TRUE(command_line.check_only);
  EXPECT_EQ(command_line.arguments.size(), 3U);
}

TEST(CommandLineFlags, MayBeSpelledLikeTheirKeys) {
  EXPECT_EQ(load({"--attach.clock_interval=2s"})->attach_clock_interval, 2s);
  EXPECT_EQ(load({"--web.config_file", "w"})->web_config_file, "w");
  EXPECT_THAT(refusal({"--attach.clock_interval=2s", "--attach.clock-interval=2s"}),
              HasSubstr("--attach.clock-interval: given 2 times"));
}

TEST(CommandLineFlags, SwitchesMayBeSwitchedOff) {
  EXPECT_FALSE(load({"--demo=false"})->demo);
  EXPECT_TRUE(load({"--demo=true"})->demo);
  EXPECT_THAT(refusal({"--demo=maybe"}), HasSubstr("--demo: \"maybe\" is neither true nor false"));
  EXPECT_THAT(refusal({"--demo="}), HasSubstr("--demo: it has no value"));
  EXPECT_THAT(refusal({"--demo", "false"}), HasSubstr("unexpected word \"false\""));
}

TEST(CommandLineFlags, UnknownOnesSuggestTheNearest) {
  EXPECT_EQ(refusal({"--sweep.intervall=5s"}),
            "--sweep.intervall: unknown flag (did you mean --sweep.interval?); see --help");
  EXPECT_THAT(refusal({"--procfs=/p"}), HasSubstr("did you mean --path.procfs?"));
  EXPECT_THAT(refusal({"--web.listen-adress", "x"}),
              HasSubstr("did you mean --web.listen-address"));
  EXPECT_THAT(refusal({"--frobnicate"}), HasSubstr("--frobnicate: unknown flag; see --help"));
  EXPECT_THAT(refusal({"-x"}), HasSubstr("-x: unknown flag"));
  EXPECT_THAT(refusal({"-demo"}), HasSubstr("did you mean --demo"));
  EXPECT_THAT(refusal({"--identity.rules=x"}), HasSubstr("unknown flag"));
  EXPECT_THAT(refusal({"--DEMO"}), HasSubstr("unknown flag"));
  EXPECT_THAT(refusal({"word"}), HasSubstr("unexpected word \"word\""));
  EXPECT_THAT(refusal({"--", "word"}), HasSubstr("unexpected word"));
  EXPECT_THAT(refusal({""}), HasSubstr("unexpected word \"\""));
}

TEST(CommandLineFlags, SingleOnesAreGivenOnce) {
  EXPECT_EQ(refusal({"--sweep.interval=5s", "--sweep.interval=6s"}),
            "--sweep.interval: given 2 times; it takes one value");
  EXPECT_THAT(refusal({"--config.file=a", "--config.file=b"}), HasSubstr("given 2 times"));
  EXPECT_THAT(refusal({"--demo", "--demo"}), HasSubstr("--demo: given 2 times"));
  EXPECT_THAT(refusal({"--config.check", "--config.check"}), HasSubstr("given 2 times"));
}

TEST(CommandLineFlags, NeedTheirValue) {
  EXPECT_THAT(refusal({"--sweep.interval"}),
              HasSubstr("--sweep.interval: it has no value; it takes"));
  EXPECT_THAT(refusal({"--demo", "--path.procfs"}), HasSubstr("--path.procfs: it has no value"));
  // Neither the next flag nor the next word is taken for a missing one.
  EXPECT_EQ(refusal({"--path.procfs", "--demo"}),
            "--path.procfs: it has no value; it takes a path");
  EXPECT_THAT(refusal({"--path.procfs=", "word"}), HasSubstr("unexpected word \"word\""));
  EXPECT_THAT(refusal({"--path.procfs="}), HasSubstr("--path.procfs: it is empty"));
  EXPECT_THAT(refusal({"--config.file="}), HasSubstr("--config.file: it is empty"));
  EXPECT_THAT(refusal({"--config.check=yes"}), HasSubstr("--config.check: \"yes\" is a value"));
  EXPECT_EQ(load({"--web.config.file="})->web_config_file, "");
  EXPECT_EQ(load({"--web.config.file", ""})->web_config_file, "");
}

TEST(CommandLineFlags, ValuesAreCheckedLikeTheFiles) {
  EXPECT_EQ(refusal({"--sweep.interval=5"}),
            "--sweep.interval: \"5\" has no unit (h, m, s, ms, us, ns); it takes a duration from "
            "100ms to 1h, in whole ms");
  EXPECT_THAT(refusal({"--web.listen-address=127.0.0.1:1", "--web.listen-address=nowhere"}),
              HasSubstr("--web.listen-address: \"nowhere\" is not a listen address"));
  EXPECT_THAT(refusal({"--path.sysfs=a\nb"}), HasSubstr("control characters"));
  EXPECT_THAT(refusal({"--path.sysfs=a\xff"}), HasSubstr("--path.sysfs"));
  EXPECT_EQ(load({"--path.sysfs=[a,b]"})->paths.sys, "[a,b]");
  EXPECT_EQ(load({"--path.sysfs=a=b"})->paths.sys, "a=b");
  EXPECT_EQ(load({"--path.sysfs", "{}"})->paths.sys, "{}");
}

TEST(CommandLineFlags, AllMistakesAreToldAtOnce) {
  const std::string words = refusal({"--bogus", "word", "--demo", "--demo"});
  EXPECT_THAT(words, HasSubstr("--bogus"));
  EXPECT_THAT(words, HasSubstr("\n"));
  EXPECT_THAT(words, HasSubstr("--demo: given"));
  EXPECT_THAT(words, HasSubstr("word"));
  const std::string values = refusal({"--log.level=x", "--sweep.interval=x"});
  EXPECT_THAT(values, HasSubstr("--log.level"));
  EXPECT_THAT(values, HasSubstr("--sweep.interval"));
}

TEST(CommandLineFlags, HelpAndVersionWinOverMistakes) {
  for (const auto& arguments : {std::initializer_list<const char*>{"--help"},
                                {"-h"},
                                {"--bogus", "--help"},
                                {"--sweep.interval=x", "--help"},
                                {"--help", "--sweep.interval"}}) {
    const Parsed parsed = parse(arguments);
    ASSERT_TRUE(parsed) << parsed.error().text();
    ASSERT_TRUE(std::holds_alternative<PrintAndExit>(*parsed));
    EXPECT_THAT(std::get<PrintAndExit>(*parsed).text, HasSubstr("Usage:"));
  }
  const Parsed parsed = parse({"--version"});
  ASSERT_TRUE(parsed);
  EXPECT_THAT(std::get<PrintAndExit>(*parsed).text, testing::StartsWith("kvm-tsc-exporter "));
}

}  // namespace
}  // namespace kvmtsc
