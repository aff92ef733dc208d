#include "exporter/log/log.h"

#include <time.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/utf8.h"

namespace kvmtsc::log {
namespace {

constexpr std::array<std::string_view, 6> kLevelNames{"trace", "debug", "info",
                                                      "warn",  "error", "off"};
constexpr std::size_t kMaxValue = 8192;

std::atomic<Format> g_format{Format::kLogfmt};

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kTrace:
      return spdlog::level::trace;
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
    case Level::kOff:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

spdlog::logger& logger() {
  // We format the line; spdlog must not add to it.
  static const std::shared_ptr<spdlog::logger> instance = [] {
    auto made = std::make_shared<spdlog::logger>("kvm-tsc",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *instance;
}

// A double-quoted string that both JSON (RFC 8259, 7) and logfmt readers understand.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : to_valid_utf8(text, kMaxValue)) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          std::array<char, 8> escape{};
          std::snprintf(escape.data(), escape.size(), "\\u%04x", static_cast<unsigned>(c));
          out += escape.data();
        } else {
          out += c;
        }
    }
  }
  return out + '"';
}

std::string timestamp(std::int64_t milliseconds) {
  const auto seconds = static_cast<time_t>(milliseconds / 1000);
  tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03dZ", static_cast<int>(milliseconds % 1000));
  return std::string(text.data(), size) + fraction.data();
}

}  // namespace

Result<Level> parse_level(std::string_view name) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames[i] == name) {
      return static_cast<Level>(i);
    }
  }
  return Error{ErrorKind::kInvalid, "'" + std::string(name) + "' is not a log level",
               "use trace, debug, info, warn, error or off"};
}

void configure(Level level, Format format) {
  g_format = format;
  logger().set_level(to_spdlog(level));
}

std::string format_line(Format format, std::int64_t time, Level level, std::string_view message,
                        const Fields& fields) {
  const auto level_name = kLevelNames[static_cast<std::size_t>(level)];
  std::string line;
  if (format == Format::kJson) {
    line = "{\"ts\":\"" + timestamp(time) + "\",\"level\":\"" + std::string(level_name) +
           "\",\"msg\":" + quoted(message);
    for (const auto& [key, value] : fields) {
      line += ",\"" + std::string(key) + "\":" + quoted(value);
    }
    return line + '}';
  }
  line = "ts=" + timestamp(time) + " level=" + std::string(level_name) + " msg=" + quoted(message);
  for (const auto& [key, value] : fields) {
    line += ' ' + std::string(key) + '=' + quoted(value);
  }
  return line;
}

void write(Level level, std::string_view message, const Fields& fields) {
  const auto spdlog_level = to_spdlog(level);
  if (!logger().should_log(spdlog_level)) {
    return;
  }
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  logger().log(spdlog_level, "{}", format_line(g_format, milliseconds, level, message, fields));
}

Fields with_error(Fields fields, const Error& error) {
  fields.emplace_back("kind", error_kind_name(error.kind));
  fields.emplace_back("error", error.message);
  if (!error.remedy.empty()) {
    fields.emplace_back("remedy", error.remedy);
  }
  return fields;
}

}  // namespace kvmtsc::log
