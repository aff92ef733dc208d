// Structured log lines on standard error, as logfmt or JSON; one event a line.
//
//   ts=2026-11-23T00:53:14.123Z level=info msg="listening" address="127.0.0.1:10078"
//
// Any thread. spdlog does the levels and the writing; no other file knows it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace kvmtsc::log {

enum class Level { kTrace, kDebug, kInfo, kWarn, kError, kOff };
enum class Format { kLogfmt, kJson };

// "trace", "debug", "info", "warn", "error", "off"; kInvalid otherwise.
Result<Level> parse_level(std::string_view name);

// Until it is called: kInfo and kLogfmt.
void configure(Level level, Format format);

// A key (a bare word) and its value, escaped as the format requires.
using Fields = std::vector<std::pair<std::string_view, std::string>>;

void write(Level level, std::string_view message, const Fields& fields = {});

inline void debug(std::string_view message, const Fields& fields = {}) {
  write(Level::kDebug, message, fields);
}
inline void info(std::string_view message, const Fields& fields = {}) {
  write(Level::kInfo, message, fields);
}
inline void warn(std::string_view message, const Fields& fields = {}) {
  write(Level::kWarn, message, fields);
}
inline void error(std::string_view message, const Fields& fields = {}) {
  write(Level::kError, message, fields);
}

// The fields of an Error: its kind, text and remedy, so that every failure is logged alike.
Fields with_error(Fields fields, const Error& error);

// One line without the line feed, for tests: `time` is milliseconds after the epoch.
std::string format_line(Format format, std::int64_t time, Level level, std::string_view message,
                        const Fields& fields);

}  // namespace kvmtsc::log
