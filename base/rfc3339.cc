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

}  // namespace kvmtsc
