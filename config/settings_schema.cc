#include "config/settings_schema.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <type_traits>
#include <utility>

#include "base/utf8.h"
#include "config/durations.h"
#include "config/listen_address.h"
#include "config/nearest.h"
#include "config/problems.h"

namespace kvmtsc {
namespace {

using std::chrono::nanoseconds;
using Values = std::span<const std::string>;

// What a setting's `at` gives: at(settings) is the member of Settings, const if `settings` is.
template <typename At>
using MemberOf = std::remove_reference_t<decltype(std::declval<At>()(std::declval<Settings&>()))>;

Error invalid(std::string what, const Setting& setting) {
  return Error{ErrorKind::kInvalid, std::move(what), setting.takes};
}

constexpr std::size_t kLongestPath = 4095;  // PATH_MAX without its NUL

bool is_plain_text(std::string_view text) {
  return to_valid_utf8(text, std::max<std::size_t>(text.size(), 3)) == text &&
         std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

template <typename At>
Setting path(Setting setting, At at, bool may_be_empty) {
  setting.value_name = "PATH";
  setting.takes = may_be_empty ? "it takes a path, or \"\" for none" : "it takes a path";
  setting.show = [at](const Settings& settings) { return at(settings); };
  setting.assign = [setting, at, may_be_empty](Settings& settings, Values values) -> Status {
    const std::string& value = values.front();
    if (value.empty() && !may_be_empty) {
      return invalid("it is empty", setting);
    }
    if (value.size() > kLongestPath || !is_plain_text(value)) {
      return invalid(in_quotes(value) + " is too long or holds control characters", setting);
    }
    at(settings) = value;
    return ok_status();
  };
  return setting;
}

template <typename At>
Setting duration(Setting setting, At at, nanoseconds min, nanoseconds max) {
  using Unit = MemberOf<At>;
  setting.value_name = "DURATION";
  setting.takes = "it takes a duration from " + format_duration(min) + " to " +
                  format_duration(max) + ", in whole " +
                  (std::is_same_v<Unit, nanoseconds> ? "ns" : "ms");
  setting.show = [at](const Settings& settings) { return format_duration(at(settings)); };
  setting.assign = [setting, at, min, max](Settings& settings, Values values) -> Status {
    const std::string& value = values.front();
    const auto parsed = parse_duration(value);
    if (!parsed) {
      const bool bare = !value.empty() && value.find_first_not_of("0123456789.") == value.npos;
      return invalid(in_quotes(value) + (bare ? " has no unit (h, m, s, ms, us, ns)"
                                              : " is not a duration like 5s, 250ms or 1m30s"),
                     setting);
    }
    const auto rounded = std::chrono::duration_cast<Unit>(*parsed);
    if (*parsed < min || *parsed > max || rounded != *parsed) {
      return invalid(in_quotes(value) + " is out of range", setting);
    }
    at(settings) = rounded;
    return ok_status();
  };
  return setting;
}

template <typename At>
Setting choice(Setting setting, At at, std::vector<std::pair<std::string_view, MemberOf<At>>> all) {
  std::vector<std::string_view> words;
  for (const auto& [word, value] : all) {
    words.push_back(word);
    setting.value_name.append(words.size() == 1 ? "" : "|").append(word);
    setting.takes.append(words.size() == 1 ? "it takes one of " : ", ").append(word);
  }
  setting.show = [at, all](const Settings& settings) {
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const auto& one) { return one.second == at(settings); });
    return found == all.end() ? std::string() : std::string(found->first);
  };
  setting.assign = [setting, at, all, words](Settings& settings, Values values) -> Status {
    const std::string& value = values.front();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.first == value; });
    if (found == all.end()) {
      const auto near = nearest(value, words);
      return invalid(in_quotes(value) + " is not known" +
                         (near ? " (did you mean " + in_quotes(*near) + "?)" : ""),
                     setting);
    }
    at(settings) = found->second;
    return ok_status();
  };
  return setting;
}

template <typename At>
Setting on_off(Setting setting, At at) {
  setting.kind = SettingKind::kSwitch;
  setting.value_name = "true|false";
  setting.takes = "it takes true or false";
  setting.show = [at](const Settings& settings) { return at(settings) ? "true" : "false"; };
  setting.assign = [setting, at](Settings& settings, Values values) -> Status {
    const std::string& value = values.front();
    if (value != "true" && value != "false") {
      return invalid(in_quotes(value) + " is neither true nor false", setting);
    }
    at(settings) = value == "true";
    return ok_status();
  };
  return setting;
}

template <typename At>
Setting addresses(Setting setting, At at) {
  setting.kind = SettingKind::kList;
  setting.value_name = "ADDRESS";
  setting.takes = "it takes a list of " + std::string(kListenAddressForm);
  setting.show = [at](const Settings& settings) {
    std::string text;
    for (const std::string& address : at(settings)) {
      text.append(text.empty() ? "" : ", ").append(address);
    }
    return text;
  };
  setting.assign = [setting, at](Settings& settings, Values values) -> Status {
    if (values.empty()) {
      return invalid("the list is empty", setting);
    }
    std::set<std::string_view> seen;
    for (const std::string& address : values) {
      if (!is_plain_text(address)) {
        return invalid(in_quotes(address) + " holds control characters", setting);
      }
      if (const Status status = check_listen_address(address); !status) {
        return status.error();
      }
      if (!seen.insert(address).second && !address.ends_with(":0")) {
        return invalid(in_quotes(address) + " is listed twice", setting);
      }
    }
    at(settings).assign(values.begin(), values.end());
    return ok_status();
  };
  return setting;
}

Setting named(std::string key, std::string flag, std::string group, std::string help) {
  Setting setting;
  setting.key = std::move(key);
  setting.flag = std::move(flag);
  setting.group = std::move(group);
  setting.help = std::move(help);
  return setting;
}

Setting rules() {
  Setting setting = named("identity.rules", "", "Names",
                          "Rules that name VMs by a pattern on the command line or the cgroup of "
                          "their process, the first that matches wins.");
  setting.kind = SettingKind::kRules;
  setting.takes = "it takes a list of maps with the keys match, pattern, name, uuid";
  setting.show = [](const Settings&) { return std::string(); };
  return setting;
}

std::vector<Setting> build() {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  using std::chrono::seconds;
  return {
      addresses(
          named("web.listen_address", "--web.listen-address", "Web",
                "Where to serve: HOST:PORT with an IPv4 address, [ADDRESS]:PORT with an IPv6 "
                "one, or unix:PATH. Port 0 lets the kernel choose. Repeatable."),
          [](auto& s) -> auto& { return s.listen_addresses; }),
      path(
          named("web.config_file", "--web.config.file", "Web",
                "File with TLS and password settings for the server."),
          [](auto& s) -> auto& { return s.web_config_file; }, true),

      path(
          named("path.procfs", "--path.procfs", "Host", "Where procfs is mounted."),
          [](auto& s) -> auto& { return s.paths.proc; }, false),
      path(
          named("path.sysfs", "--path.sysfs", "Host", "Where sysfs is mounted."),
          [](auto& s) -> auto& { return s.paths.sys; }, false),
      path(
          named("path.debugfs", "--path.debugfs", "Host", "Where debugfs is mounted."),
          [](auto& s) -> auto& { return s.paths.debugfs; }, false),

      duration(
          named("sweep.interval", "--sweep.interval", "Reading",
                "Time from one reading of all TSC offsets to the next."),
          [](auto& s) -> auto& { return s.sweep_interval; }, milliseconds(100), hours(1)),
      rules(),

      choice(named("attach.mode", "--attach.mode", "Attaching",
                   "Whether to run KVM ioctls inside running VMMs: off never does, clock reads "
                   "their clocks (stops a thread of the VMM, no vCPU, for some 50 us), correct may "
                   "write TSC offsets too."),
             [](auto& s) -> auto& { return s.attach_mode; },
             {{"off", AttachMode::kOff},
              {"clock", AttachMode::kClock},
              {"correct", AttachMode::kCorrect}}),
      duration(
          named("attach.clock_interval", "--attach.clock-interval", "Attaching",
                "Time from one reading of a VM's clock to the next."),
          [](auto& s) -> auto& { return s.attach_clock_interval; }, seconds(1), hours(1)),

      on_off(
          named("correction.enabled", "--correction.enabled", "Correcting",
                "Whether the API accepts corrections of TSC offsets. They need --attach.mode "
                "correct as well."),
          [](auto& s) -> auto& { return s.correction_enabled; }),
      duration(
          named("correction.max_step", "--correction.max-step", "Correcting",
                "The largest change of a guest's TSC that one correction may "
                "make, as guest time."),
          [](auto& s) -> auto& { return s.correction_max_step; }, nanoseconds(1), hours(1)),

      choice(named("log.level", "--log.level", "Logging",
                   "The least important messages to log, on standard error."),
             [](auto& s) -> auto& { return s.log_level; },
             {{"trace", "trace"},
              {"debug", "debug"},
              {"info", "info"},
              {"warn", "warn"},
              {"error", "error"},
              {"off", "off"}}),
      choice(named("log.format", "--log.format", "Logging", "The form of a log line."),
             [](auto& s) -> auto& { return s.log_format; },
             {{"logfmt", LogFormat::kLogfmt}, {"json", LogFormat::kJson}}),

      on_off(
          named("demo", "--demo", "Demonstration",
                "Serve a simulated fleet beside the VMs of this host."),
          [](auto& s) -> auto& { return s.demo; }),
  };
}

}  // namespace

const std::vector<Setting>& settings_schema() {
  static const std::vector<Setting> schema = build();
  return schema;
}

}  // namespace kvmtsc
