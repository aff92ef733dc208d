#include "cli/figures.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/duration_text.h"

namespace kvmtsc {

std::string seconds_text(const nlohmann::json& seconds, bool with_sign) {
  if (!seconds.is_number()) {
    return "-";
  }
  return duration_text(seconds.get<double>(), with_sign);
}

std::string wait_text(long seconds) {
  constexpr long kMinute = 60;
  if (seconds <= kMinute) {
    return std::to_string(seconds) + " s";
  }
  return std::to_string((seconds + kMinute - 1) / kMinute) + " min";
}

namespace {

std::string with_separators(std::string digits) {
  const std::size_t first = digits.starts_with('-') ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string fixed(double value, int decimals) {
  std::array<char, 400> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                 std::chars_format::fixed, decimals);
  return {text.data(), end.ptr};
}

}  // namespace

std::string ticks_text(const nlohmann::json& ticks) {
  return ticks.is_string() ? with_separators(ticks.get<std::string>()) : "-";
}

std::string without_separators(const std::string& text) {
  std::string digits = text;
  std::erase(digits, ',');
  const bool is_number = digits.find_first_not_of("-0123456789") == std::string::npos;
  return is_number && with_separators(digits) == text ? digits : text;
}

std::string hertz_text(const nlohmann::json& hertz, const nlohmann::json& bound) {
  if (!hertz.is_number()) {
    return "-";
  }
  const double error = bound.is_number() ? std::abs(bound.get<double>()) : 0;
  // The bound with two digits, and the figure with none that says less than those.
  const int decimals =
      error > 0 ? std::clamp(1 - static_cast<int>(std::floor(std::log10(error))), 0, 6) : 0;
  const std::string figure = fixed(hertz.get<double>(), decimals);
  const std::size_t point = std::min(figure.find('.'), figure.size());
  return with_separators(figure.substr(0, point)) + figure.substr(point) + " Hz" +
         (error > 0 ? " +/- " + fixed(error, decimals) + " Hz" : "");
}

std::string yes_no(const nlohmann::json& value) {
  return value.is_boolean() ? (value.get<bool>() ? "yes" : "no") : "-";
}

std::string plain_text(const nlohmann::json& value) {
  if (value.is_string()) {
    const auto text = value.get<std::string>();
    return text.empty() ? "-" : text;
  }
  return value.is_null() ? "-" : value.dump();
}

}  // namespace kvmtsc
