#include "cli/goal.h"

#include <array>
#include <charconv>
#include <iostream>
#include <iterator>
#include <utility>

#include "base/file.h"
#include "base/parse.h"

namespace kvmtsc {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLongestFile = std::size_t{1} << 20;

// "5ms", "-1.5s": whole nanoseconds.
std::optional<std::int64_t> nanoseconds_of(const std::string& text) {
  constexpr std::array<std::pair<std::string_view, double>, 4> kUnits{
      {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}}};
  for (const auto& [unit, size] : kUnits) {
    if (!text.ends_with(unit)) {
      continue;
    }
    const std::string_view number = std::string_view(text).substr(0, text.size() - unit.size());
    double value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc{} || end != number.data() + number.size()) {
      return std::nullopt;
    }
    const double whole = value * size;
    constexpr double kLargest = 9e18;
    if (!(whole > -kLargest && whole < kLargest)) {
      return std::nullopt;
    }
    return static_cast<std::int64_t>(whole + (whole < 0 ? -0.5 : 0.5));
  }
  return std::nullopt;
}

Result<std::string> text_of(const std::string& file) {
  if (file != "-") {
    return read_file(file, kLongestFile);
  }
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

// What is in it is for the service to judge; but it has to be a restore.
Result<Json> restore_json(const std::string& file) {
  const auto text = text_of(file);
  if (!text) {
    return Error{ErrorKind::kInvalid, text.error().message, "--restore takes a file, or -"};
  }
  Json goal = Json::parse(*text, nullptr, false);
  if (!goal.is_object() || !goal.contains("offsets") ||
      goal.value("goal", Json("restore")) != "restore") {
    return Error{
        ErrorKind::kInvalid, "\"" + file + "\" has no offsets to restore",
        R"(--restore takes JSON like {"offsets":[{"vcpu":0,"offset":"-1"}],"bound_ticks":"9"})"};
  }
  goal["goal"] = "restore";
  return goal;
}

}  // namespace

Result<Json> goal_json(const GoalOptions& options) {
  for (const std::string& ticks : {options.set_offset, options.shift_ticks}) {
    // "--set --yes" would otherwise be sent.
    if (!ticks.empty() && !parse_i64(ticks)) {
      return Error{ErrorKind::kInvalid, "\"" + ticks + "\" is no number of ticks",
                   "give a whole number of 64 bits, like -9000000"};
    }
  }
  if (!options.set_offset.empty()) {
    Json goal{{"goal", "set"}, {"offset", options.set_offset}};
    if (options.vcpu) {
      goal["vcpu"] = *options.vcpu;
    }
    return goal;
  }
  if (!options.restore_file.empty()) {
    return restore_json(options.restore_file);
  }
  if (!options.shift_ticks.empty()) {
    return Json{{"goal", "shift"}, {"ticks", options.shift_ticks}};
  }
  if (!options.shift_time.empty()) {
    const auto time = nanoseconds_of(options.shift_time);
    if (!time) {
      return Error{ErrorKind::kInvalid, "\"" + options.shift_time + "\" is no time",
                   "--shift-time takes one like 5ms, -20us or 1.5s"};
    }
    return Json{{"goal", "shift"}, {"nanoseconds", std::to_string(*time)}};
  }
  Json goal{{"goal", "align"}};
  if (!options.align_to.empty()) {
    goal["to"] = options.align_to;
  }
  return goal;
}

}  // namespace kvmtsc
