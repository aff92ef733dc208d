#include "cli/goal.h"

#include <array>
#include <charconv>
#include <iostream>
#include <iterator>
#include <utility>

#include "base/file.h"
#include "base/parse.h"
#include "cli/figures.h"

namespace kvmtsc {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLongestFile = std::size_t{1} << 20;

// "5ms", "-1.5s", "+3.47 ms": whole nanoseconds.
std::optional<std::int64_t> nanoseconds_of(const std::string& text) {
  constexpr std::array<std::pair<std::string_view, double>, 4> kUnits{
      {{"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}}};
  for (const auto& [unit, size] : kUnits) {
    if (!text.ends_with(unit)) {
      continue;
    }
    std::string_view number = trim(std::string_view(text).substr(0, text.size() - unit.size()));
    number.remove_prefix(number.starts_with('+') ? 1 : 0);
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

// Offsets of what this program prints with --json: of a VM its vCPUs' offsets, of a plan, or a
// correction or an event of the log that has one, those that it would write. Null when it is none.
Json offsets_in(const Json& printed) {
  for (const char* const inner : {"details", "plan"}) {
    if (const auto found = printed.find(inner); found != printed.end() && found->is_object()) {
      return offsets_in(*found);
    }
  }
  Json offsets = Json::array();
  for (const Json& vcpu : printed.value("vcpus", Json::array())) {
    const char* const which = vcpu.contains("then") ? "then" : "offset";
    if (!vcpu.is_object() || !vcpu.contains("id") || !vcpu.contains(which)) {
      return nullptr;
    }
    offsets.push_back({{"vcpu", vcpu["id"]}, {"offset", vcpu[which]}});
  }
  return offsets.empty() ? Json(nullptr) : offsets;
}

// What is in it is for the service to judge; but it has to be a restore.
Result<Json> restore_json(const std::string& file) {
  const auto text = text_of(file);
  if (!text) {
    return Error{ErrorKind::kInvalid, text.error().message, "--restore takes a file, or -"};
  }
  Json goal = Json::parse(*text, nullptr, false);
  if (goal.is_object() && !goal.contains("offsets")) {
    if (Json offsets = offsets_in(goal); !offsets.is_null()) {
      goal = {{"offsets", std::move(offsets)}};
    }
  }
  if (!goal.is_object() || !goal.contains("offsets") ||
      goal.value("goal", Json("restore")) != "restore") {
    return Error{
        ErrorKind::kInvalid, "\"" + file + "\" has no offsets to restore",
        R"(--restore takes JSON like {"offsets":[{"vcpu":0,"offset":"-1"}],"bound_ticks":"9"}, or )"
        "what `kvm-tsc --json show VM` and `plan` print"};
  }
  goal["goal"] = "restore";
  return goal;
}

// As the API takes it; with or without the separators that tables have.
Result<std::string> ticks_of(const std::string& text) {
  if (const auto ticks = parse_i64(without_separators(text))) {
    return std::to_string(*ticks);
  }
  return Error{ErrorKind::kInvalid, "\"" + text + "\" is no number of ticks",
               "give a whole number of 64 bits, like -9000000 or -9,000,000"};
}

}  // namespace

Result<Json> goal_json(const GoalOptions& options) {
  if (!options.set_offset.empty()) {
    const auto offset = ticks_of(options.set_offset);
    if (!offset) {
      return offset.error();
    }
    Json goal{{"goal", "set"}, {"offset", *offset}};
    if (options.vcpu) {
      goal["vcpu"] = *options.vcpu;
    }
    return goal;
  }
  if (!options.restore_file.empty()) {
    return restore_json(options.restore_file);
  }
  if (!options.shift_ticks.empty()) {
    const auto ticks = ticks_of(options.shift_ticks);
    return ticks ? Result<Json>(Json{{"goal", "shift"}, {"ticks", *ticks}}) : ticks.error();
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
