#include "config/durations.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <limits>

#include "base/parse.h"

namespace kvmtsc {
namespace {

__extension__ using Wide = __int128;

struct TimeUnit {
  std::string_view name;
  std::int64_t nanoseconds;
};

constexpr std::array<TimeUnit, 6> kUnits{{{"h", 3'600'000'000'000},
                                          {"m", 60'000'000'000},
                                          {"s", 1'000'000'000},
                                          {"ms", 1'000'000},
                                          {"us", 1'000},
                                          {"ns", 1}}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The number at the start of `text`, which is cut off it; absent if there is none or it overflows.
std::optional<std::int64_t> take_number(std::string_view& text) {
  std::int64_t number = 0;
  if (text.empty() || !is_digit(text.front())) {
    return std::nullopt;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) {
    return std::nullopt;
  }
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

struct Fraction {
  std::int64_t numerator;
  std::int64_t denominator;  // 1 where there are no digits
};

// The digits after a point at the start of `text`, both cut off it; those after the 18th, which no
// unit makes a nanosecond of, are dropped.
Fraction take_fraction(std::string_view& text) {
  constexpr std::int64_t kFinest = 1'000'000'000'000'000'000;
  Fraction fraction{0, 1};
  if (!text.starts_with('.')) {
    return fraction;
  }
  text.remove_prefix(1);
  for (; !text.empty() && is_digit(text.front()); text.remove_prefix(1)) {
    if (fraction.denominator < kFinest) {
      fraction = {fraction.numerator * 10 + (text.front() - '0'), fraction.denominator * 10};
    }
  }
  return fraction;
}

std::string_view take_word(std::string_view& text) {
  std::size_t size = 0;
  while (size < text.size() && !is_digit(text[size]) && text[size] != '.') {
    ++size;
  }
  const std::string_view word = text.substr(0, size);
  text.remove_prefix(size);
  return word;
}

}  // namespace

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  std::int64_t total = 0;
  std::size_t next_unit = 0;  // units before it are spent
  do {
    const auto number = take_number(text);
    const std::string_view word = take_word(text);
    while (next_unit < kUnits.size() && kUnits[next_unit].name != word) {
      ++next_unit;
    }
    if (!number || next_unit == kUnits.size()) {
      return std::nullopt;
    }
    const std::int64_t scale = kUnits[next_unit].nanoseconds;
    if (*number > (kMax - total) / scale) {
      return std::nullopt;
    }
    total += *number * scale;
    ++next_unit;
  } while (!text.empty());
  return std::chrono::nanoseconds(total);
}

std::optional<std::chrono::nanoseconds> parse_go_duration(std::string_view text) {
  constexpr Wide kMax = std::numeric_limits<std::int64_t>::max();
  if (const auto bare = parse_u64(text); bare && is_digit(text.front()) && is_digit(text.back())) {
    return *bare > kMax ? std::nullopt
                        : std::optional(std::chrono::nanoseconds(static_cast<std::int64_t>(*bare)));
  }
  Wide total = 0;
  do {
    const auto whole = take_number(text);
    const auto [numerator, denominator] = take_fraction(text);
    const std::string_view word = take_word(text);
    const auto* const unit = std::ranges::find_if(kUnits, [&](const TimeUnit& one) {
      return one.name == word || (one.name == "us" && (word == "\xC2\xB5s" || word == "\xCE\xBCs"));
    });
    if ((!whole && denominator <= 1) || unit == kUnits.end()) {
      return std::nullopt;
    }
    total += Wide{whole.value_or(0)} * unit->nanoseconds +
             Wide{numerator} * unit->nanoseconds / denominator;
    if (total > kMax) {
      return std::nullopt;
    }
  } while (!text.empty());
  return std::chrono::nanoseconds(static_cast<std::int64_t>(total));
}

std::string format_duration(std::chrono::nanoseconds duration) {
  std::int64_t rest = duration.count();
  if (rest == 0) {
    return "0s";
  }
  std::string text;
  for (const TimeUnit& unit : kUnits) {
    if (rest >= unit.nanoseconds) {
      text += std::to_string(rest / unit.nanoseconds);
      text += unit.name;
      rest %= unit.nanoseconds;
    }
  }
  return text;
}

}  // namespace kvmtsc
