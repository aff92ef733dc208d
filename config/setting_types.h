// The types of settings: each function completes a Setting that has its words already (key, flag,
// group, help) with how values of its type are checked, stored and shown.
//
// `at` ties it to a member: at(settings) is a reference to it, const if `settings` is.
#pragma once

#include <algorithm>
#include <chrono>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/join.h"
#include "base/listen_address.h"
#include "base/nearest.h"
#include "base/parse.h"
#include "base/utf8.h"
#include "config/durations.h"
#include "config/problems.h"
#include "config/settings_schema.h"

namespace kvmtsc {

using SettingValues = std::span<const std::string>;

template <typename At>
using MemberOf = std::remove_reference_t<decltype(std::declval<At>()(std::declval<Settings&>()))>;

inline Error invalid_value(std::string what, const Setting& setting) {
  return Error{ErrorKind::kInvalid, std::move(what), setting.takes};
}

inline constexpr std::size_t kLongestPath = 4095;  // PATH_MAX without its NUL

inline bool is_plain_text(std::string_view text) {
  return to_valid_utf8(text, std::max<std::size_t>(text.size(), 3)) == text &&
         std::none_of(text.begin(), text.end(),
                      [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

template <typename At>
Setting path_setting(Setting setting, At at, bool may_be_empty) {
  setting.value_name = "PATH";
  setting.takes = may_be_empty ? "it takes a path, or \"\" for none" : "it takes a path";
  setting.show = [at](const Settings& settings) { return at(settings); };
  setting.assign = [setting, at, may_be_empty](Settings& settings, SettingValues values) -> Status {
    const std::string& value = values.front();
    if (value.empty() && !may_be_empty) {
      return invalid_value("it is empty", setting);
    }
    if (value.size() > kLongestPath || !is_plain_text(value)) {
      return invalid_value(in_quotes(value) + " is too long or holds control characters", setting);
    }
    at(settings) = value;
    return ok_status();
  };
  return setting;
}

template <typename At>
Setting duration_setting(Setting setting, At at, std::chrono::nanoseconds min,
                         std::chrono::nanoseconds max) {
  using Member = MemberOf<At>;
  setting.value_name = "DURATION";
  setting.takes = "it takes a duration from " + format_duration(min) + " to " +
                  format_duration(max) + ", in whole " +
                  (std::is_same_v<Member, std::chrono::nanoseconds> ? "ns" : "ms");
  setting.show = [at](const Settings& settings) { return format_duration(at(settings)); };
  setting.assign = [setting, at, min, max](Settings& settings, SettingValues values) -> Status {
    const std::string& value = values.front();
    const auto parsed = parse_duration(value);
    if (!parsed) {
      const bool bare = !value.empty() && value.find_first_not_of("0123456789.") == value.npos;
      return invalid_value(in_quotes(value) + (bare ? " has no unit (h, m, s, ms, us, ns)"
                                                    : " is not a duration like 5s, 250ms or 1m30s"),
                           setting);
    }
    const auto rounded = std::chrono::duration_cast<Member>(*parsed);
    if (*parsed < min || *parsed > max || rounded != *parsed) {
      return invalid_value(in_quotes(value) + " is out of range", setting);
    }
    at(settings) = rounded;
    return ok_status();
  };
  return setting;
}

template <typename At>
Setting count_setting(Setting setting, At at, unsigned min, unsigned max) {
  setting.value_name = "NUMBER";
  setting.takes =
      "it takes a whole number from " + std::to_string(min) + " to " + std::to_string(max);
  setting.show = [at](const Settings& settings) { return std::to_string(at(settings)); };
  setting.assign = [setting, at, min, max](Settings& settings, SettingValues values) -> Status {
    const std::string& value = values.front();
    const auto number = trim(value) == value ? parse_u32(value) : std::nullopt;
    if (!number || *number < min || *number > max) {
      return invalid_value(in_quotes(value) + " is no such number", setting);
    }
    at(settings) = *number;
    return ok_status();
  };
  return setting;
}

template <typename At>
Setting choice_setting(Setting setting, At at,
                       std::vector<std::pair<std::string_view, MemberOf<At>>> all) {
  std::vector<std::string_view> words;
  std::ranges::transform(all, std::back_inserter(words), [](const auto& one) { return one.first; });
  setting.value_name = join(words, "|");
  setting.takes = "it takes one of " + join(words, ", ");
  setting.show = [at, all](const Settings& settings) {
    const auto found = std::find_if(all.begin(), all.end(),
                                    [&](const auto& one) { return one.second == at(settings); });
    return found == all.end() ? std::string() : std::string(found->first);
  };
  setting.assign = [setting, at, all, words](Settings& settings, SettingValues values) -> Status {
    const std::string& value = values.front();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.first == value; });
    if (found == all.end()) {
      const auto near = nearest(value, words);
      return invalid_value(in_quotes(value) + " is not known" +
                               (near ? " (did you mean " + in_quotes(*near) + "?)" : ""),
                           setting);
    }
    at(settings) = found->second;
    return ok_status();
  };
  return setting;
}

template <typename At>
Setting switch_setting(Setting setting, At at) {
  setting.kind = SettingKind::kSwitch;
  setting.value_name = "true|false";
  setting.takes = "it takes true or false";
  setting.show = [at](const Settings& settings) { return at(settings) ? "true" : "false"; };
  setting.assign = [setting, at](Settings& settings, SettingValues values) -> Status {
    const std::string& value = values.front();
    if (value != "true" && value != "false") {
      return invalid_value(in_quotes(value) + " is neither true nor false", setting);
    }
    at(settings) = value == "true";
    return ok_status();
  };
  return setting;
}

template <typename At>
Setting addresses_setting(Setting setting, At at) {
  setting.kind = SettingKind::kList;
  setting.value_name = "ADDRESS";
  setting.takes = "it takes a list of " + std::string(kListenAddressForm);
  setting.show = [at](const Settings& settings) { return join(at(settings), ", "); };
  setting.assign = [setting, at](Settings& settings, SettingValues values) -> Status {
    if (values.empty()) {
      return invalid_value("the list is empty", setting);
    }
    std::set<std::string_view> seen;
    for (const std::string& address : values) {
      if (!is_plain_text(address)) {
        return invalid_value(in_quotes(address) + " holds control characters", setting);
      }
      if (const auto parsed = parse_listen_address(address); !parsed) {
        return parsed.error();
      }
      if (!seen.insert(address).second && !address.ends_with(":0")) {
        return invalid_value(in_quotes(address) + " is listed twice", setting);
      }
    }
    at(settings).assign(values.begin(), values.end());
    return ok_status();
  };
  return setting;
}

}  // namespace kvmtsc
