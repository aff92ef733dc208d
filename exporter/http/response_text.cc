#include "exporter/http/response_text.h"

#include <time.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace kvmtsc::http {
namespace {

bool is_clean(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7F;
  });
}

// IMF-fixdate (RFC 9110, 5.6.7), whatever the locale.
std::string http_date() {
  static constexpr std::array kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const time_t now = ::time(nullptr);
  tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 64> rest{};
  ::strftime(rest.data(), rest.size(), " %Y %H:%M:%S GMT", &utc);
  std::array<char, 8> day{};
  ::strftime(day.data(), day.size(), "%d", &utc);
  return std::string(kDays.at(static_cast<std::size_t>(utc.tm_wday))) + ", " + day.data() + " " +
         kMonths.at(static_cast<std::size_t>(utc.tm_mon)) + rest.data();
}

void append_header(std::string& text, std::string_view name, std::string_view value) {
  if (is_clean(name) && is_clean(value)) {
    text.append(name).append(": ").append(value).append("\r\n");
  }
}

}  // namespace

std::string response_text(const Response& response, bool without_body, bool keep_alive) {
  const bool has_content = response.status != 204 && response.status != 304;
  std::string text =
      "HTTP/1.1 " + std::to_string(response.status) + " " + reason_phrase(response.status) + "\r\n";
  append_header(text, "Date", http_date());
  if (has_content) {
    append_header(text, "Content-Type", response.content_type);
    append_header(text, "Content-Length", std::to_string(response.body.size()));
  }
  append_header(text, "X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) {
    append_header(text, name, value);
  }
  append_header(text, "Connection", keep_alive ? "keep-alive" : "close");
  text += "\r\n";
  if (has_content && !without_body) {
    text += response.body;
  }
  return text;
}

}  // namespace kvmtsc::http
