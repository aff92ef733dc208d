// What a configuration file may say, and what is said of one that is wrong.
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
using testing::StartsWith;

std::string refusal(const std::string& yaml) {
  const auto settings = parse_settings(yaml, "f.yml");
  EXPECT_FALSE(settings) << yaml;
  if (settings) {
    return "";
  }
  EXPECT_EQ(settings.error().kind, ErrorKind::kInvalid);
  return settings.error().message;
}

TEST(ParseSettings, NothingGivesTheDefaults) {
  for (const char* yaml : {"", "# nothing\n", "---\n", "web:\nsweep:\n", "{}", "sweep: {}\n"}) {
    const auto settings = parse_settings(yaml, "f");
    ASSERT_TRUE(settings) << settings.error().text();
    EXPECT_EQ(*settings, Settings{});
  }
}

TEST(ParseSettings, EveryKeyArrives) {
  const auto settings = parse_settings(R"(
web:
  listen_address: ["[::1]:1", 'unix:/x']
  config_file: web.yml
path: {procfs: /p, sysfs: /s, debugfs: /d}
sweep: {interval: 1m30s}
identity:
  rules: [{pattern: a, name: b}]
attach: {mode: clock, clock_interval: 1h, suspend_seccomp: true}
correction: {enabled: true, max_step: 20ns, per_vm_per_hour: 7, per_host_per_hour: 1000}
audit: {path: /a.db}
log: {level: "off", format: json}
demo: true
)",
                                       "f");
  ASSERT_TRUE(settings) << settings.error().text();
  Settings expected;
  expected.listen_addresses = {"[::1]:1", "unix:/x"};
  expected.web_config_file = "web.yml";
  expected.paths = {"/p", "/s", "/d"};
  expected.sweep_interval = 90s;
  expected.identity_rules = {{IdentitySubject::kCommandLine, "a", "b", ""}};
  expected.attach_mode = AttachMode::kClock;
  expected.attach_clock_interval = 1h;
  expected.attach_suspend_seccomp = true;
  expected.correction_enabled = true;
  expected.correction_max_step = 20ns;
  expected.correction_per_vm_per_hour = 7;
  expected.correction_per_host_per_hour = 1000;
  expected.audit_path = "/a.db";
  expected.log_level = "off";
  expected.log_format = LogFormat::kJson;
  expected.demo = true;
  EXPECT_EQ(*settings, expected);
}

TEST(ParseSettings, AMistakeIsOneLineWithFileLineKeyAndRemedy) {
  EXPECT_EQ(refusal("sweep:\n  interval: 5x\n"),
            "f.yml:2: sweep.interval: \"5x\" is not a duration like 5s, 250ms or 1m30s; it takes a "
            "duration from 100ms to 1h, in whole ms");
}

TEST(ParseSettings, UnknownKeysSuggestTheNearest) {
  EXPECT_THAT(refusal("a: 1\n"),
              StartsWith("f.yml:1: a: unknown key; the keys here are web, path"));
  EXPECT_THAT(refusal("sweeep:\n  interval: 5s\n"), HasSubstr("(did you mean \"sweep\"?)"));
  EXPECT_THAT(refusal("sweep:\n  intreval: 5s\n"),
              StartsWith("f.yml:2: sweep.intreval: unknown key (did you mean \"interval\"?); the "
                         "keys here are interval"));
  EXPECT_THAT(refusal("sweep.interval: 5s\n"), HasSubstr("keys are nested: write \"sweep:\""));
  EXPECT_THAT(refusal("Sweep: {interval: 5s}\n"), HasSubstr("did you mean \"sweep\""));
  EXPECT_THAT(refusal("<<: {}\n"), HasSubstr("unknown key"));
}

TEST(ParseSettings, KeysAreGivenOnce) {
  EXPECT_THAT(refusal("demo: true\ndemo: true\n"), StartsWith("f.yml:2: demo: given twice"));
  EXPECT_THAT(refusal("sweep: {interval: 5s}\nsweep: {}\n"), StartsWith("f.yml:2: sweep: given"));
  EXPECT_THAT(refusal("sweep:\n  interval: 5s\n  interval: 5s\n"),
              StartsWith("f.yml:3: sweep.interval: given twice"));
}

TEST(ParseSettings, KeysAreWords) {
  EXPECT_THAT(refusal("? [a]\n: b\n"), HasSubstr("a key that is not a word"));
  EXPECT_THAT(refusal("? {a: b}\n: c\n"), HasSubstr("a key that is not a word"));
  EXPECT_THAT(refusal("~: c\n"), HasSubstr("a key that is not a word"));
}

TEST(ParseSettings, AllMistakesAreToldAtOnceInOrder) {
  const std::string message = refusal(
      "sweep:\n  interval: 1ms\n  bogus: 1\nlog:\n  level: loud\npath: [x]\ncorrection:\n"
      "  enabled: maybe\n");
  std::vector<std::string> lines;
  std::size_t begin = 0;
  while (begin <= message.size()) {
    const std::size_t end = std::min(message.find('\n', begin), message.size());
    lines.push_back(message.substr(begin, end - begin));
    begin = end + 1;
  }
  EXPECT_THAT(
      lines, testing::ElementsAre(StartsWith("f.yml:2: sweep.interval: "),
                                  StartsWith("f.yml:3: sweep.bogus: "),
                                  StartsWith("f.yml:5: log.level: "), StartsWith("f.yml:6: path: "),
                                  StartsWith("f.yml:8: correction.enabled: ")));
}

struct Bad {
  const char* yaml;
  const char* message;
};

void expect_refused(std::initializer_list<Bad> all) {
  for (const Bad& bad : all) {
    EXPECT_THAT(refusal(bad.yaml), HasSubstr(bad.message));
  }
}

TEST(ParseSettings, WrongTypeIsRefused) {
  expect_refused(
      {Bad{"- a\n", "f.yml:1: it is a list, not a map of keys"},
       Bad{"just text\n", "f.yml:1: it is a single value, not a map of keys"},
       Bad{"web: x\n", "f.yml:1: web: it is a single value, not a map"},
       Bad{"web: [x]\n", "f.yml:1: web: it is a list, not a map"},
       Bad{"sweep: {interval: }\n", "sweep.interval: it has no value; it takes a duration"},
       Bad{"sweep: {interval: [5s]}\n", "sweep.interval: it is a list; it takes a duration"},
       Bad{"sweep: {interval: {s: 5}}\n", "sweep.interval: it is a map; it takes a duration"},
       Bad{"web: {listen_address: '127.0.0.1:1'}\n", "it is a single value, not a list"},
       Bad{"web: {listen_address: }\n", "it has no value, not a list"},
       Bad{"web: {listen_address: [[a]]}\n", "web.listen_address: it is a list"},
       Bad{"web: {listen_address: [~]}\n", "web.listen_address: it has no value"},
       Bad{"demo: 1\n", "demo: \"1\" is neither true nor false; it takes true or false"},
       Bad{"demo: yes\n", "neither true nor false"},
       Bad{"demo: 'TRUE'\n", "neither true nor false"},
       Bad{"path: {procfs: [a]}\n", "path.procfs: it is a list"}});
}

TEST(ParseSettings, OutOfRangeIsRefused) {
  expect_refused(
      {Bad{"sweep: {interval: 99ms}\n", "\"99ms\" is out of range; it takes a duration from 100ms"},
       Bad{"sweep: {interval: 1h1ms}\n", "out of range"},
       Bad{"sweep: {interval: 100500us}\n",
           "out of range; it takes a duration from 100ms to 1h, in "
           "whole ms"},
       Bad{"sweep: {interval: 5}\n", "\"5\" has no unit (h, m, s, ms, us, ns)"},
       Bad{"sweep: {interval: 0.5}\n", "has no unit"},
       Bad{"sweep: {interval: -5s}\n", "is not a duration"},
       Bad{"sweep: {interval: ''}\n", "is not a duration"},
       Bad{"sweep: {interval: 99999999999999999999s}\n", "is not a duration"},
       Bad{"attach: {clock_interval: 999ms}\n", "it takes a duration from 1s to 1h"},
       Bad{"attach: {clock_interval: 61m}\n", "out of range"},
       Bad{"correction: {max_step: 0s}\n", "it takes a duration from 1ns to 1h, in whole ns"},
       Bad{"correction: {max_step: 1h1ns}\n", "out of range"},
       Bad{"correction: {per_vm_per_hour: 0}\n", "it takes a whole number from 1 to 1000"},
       Bad{"correction: {per_vm_per_hour: 1001}\n", "is no such number"},
       Bad{"correction: {per_host_per_hour: 2.5}\n", "\"2.5\" is no such number"},
       Bad{"correction: {per_host_per_hour: -1}\n", "is no such number"},
       Bad{"attach: {mode: clok}\n",
           "\"clok\" is not known (did you mean \"clock\"?); it takes one "
           "of off, clock, correct"},
       Bad{"log: {level: loud}\n", "it takes one of trace, debug, info, warn, error, off"},
       Bad{"log: {format: xml}\n", "it takes one of logfmt, json"},
       Bad{"path: {procfs: ''}\n", "path.procfs: it is empty; it takes a path"},
       Bad{"path: {procfs: \"a\\0b\"}\n", "control characters"},
       Bad{"path: {procfs: |\n  /proc\n}\n", "f.yml:"},
       Bad{"path:\n  procfs: |\n    /proc\n",
           "path.procfs: \"/proc?\" is too long or holds control"},
       Bad{"web: {listen_address: []}\n", "web.listen_address: the list is empty"},
       Bad{"web: {listen_address: ['localhost:1']}\n", "host names are not looked up"},
       Bad{"web: {listen_address: ['127.0.0.1:65536']}\n",
           "its port is not a number from 0 to 65535"},
       Bad{"web: {listen_address: ['unix:/a', 'unix:/a']}\n", "listed twice"}});
}

TEST(ParseSettings, BoundariesAreWithin) {
  EXPECT_EQ(parse_settings("sweep: {interval: 100ms}", "f")->sweep_interval, 100ms);
  EXPECT_EQ(parse_settings("sweep: {interval: 60m}", "f")->sweep_interval, 1h);
  EXPECT_EQ(parse_settings("attach: {clock_interval: 1s}", "f")->attach_clock_interval, 1s);
  EXPECT_EQ(parse_settings("correction: {max_step: 1ns}", "f")->correction_max_step, 1ns);
  EXPECT_EQ(parse_settings("correction: {max_step: 1h}", "f")->correction_max_step, 1h);
  EXPECT_TRUE(parse_settings("web: {listen_address: ['127.0.0.1:0', '127.0.0.1:0']}", "f"));
}

}  // namespace
}  // namespace kvmtsc
