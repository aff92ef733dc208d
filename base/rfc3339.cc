#include "base/rfc3339.h"

#include <time.h>

#include <array>
#include <cstdio>

namespace kvmtsc {

std::string rfc3339(RealTime time) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(time.since_epoch);
  const std::time_t seconds = whole.count();
  struct tm utc {};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 64> text{};
  const int length =
      std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%09lldZ",
                    utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                    utc.tm_sec, static_cast<long long>((time.since_epoch - whole).count()));
  return {text.data(), static_cast<std::size_t>(length)};
}

std::optional<RealTime> parse_rfc3339(std::string_view text) {
  const std::string whole(text);
  struct tm utc {};
  long long nanoseconds = 0;
  if (std::sscanf(whole.c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%9lldZ", &utc.tm_year, &utc.tm_mon,
                  &utc.tm_mday, &utc.tm_hour, &utc.tm_min, &utc.tm_sec, &nanoseconds) != 7) {
    return std::nullopt;
  }
  utc.tm_year -= 1900;
  utc.tm_mon -= 1;
  const std::time_t seconds = ::timegm(&utc);
  constexpr std::time_t kMost = 9'223'372'035;  // what RealTime spans
  if (seconds < -kMost || seconds > kMost) {
    return std::nullopt;
  }
  const RealTime time{std::chrono::seconds(seconds) + Nanoseconds(nanoseconds)};
  // What is written the same again was of that form, and no 31st of February.
  return rfc3339(time) == text ? std::optional{time} : std::nullopt;
}

}  // namespace kvmtsc
