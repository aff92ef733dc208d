#include "exporter/http/request_path.h"

namespace kvmtsc::http {
namespace {

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return static_cast<unsigned>(c - '0');
  }
  const char lower = static_cast<char>(c | 0x20);
  if (lower >= 'a' && lower <= 'f') {
    return static_cast<unsigned>(lower - 'a' + 10);
  }
  return std::nullopt;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

// The byte that "%xy" at `at` stands for.
std::optional<char> decode_at(std::string_view raw, std::size_t at) {
  const auto high = at + 2 < raw.size() ? hex_digit(raw[at + 1]) : std::nullopt;
  const auto low = at + 2 < raw.size() ? hex_digit(raw[at + 2]) : std::nullopt;
  if (!high || !low) {
    return std::nullopt;
  }
  return static_cast<char>(*high * 16 + *low);
}

}  // namespace

std::optional<std::string> decode_path(std::string_view raw) {
  if (raw.empty() || raw.front() != '/') {
    return std::nullopt;
  }
  std::string path;
  path.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    char c = raw[i];
    if (c == '%') {
      const auto decoded = decode_at(raw, i);
      if (!decoded) {
        return std::nullopt;
      }
      c = *decoded;
      i += 2;
      if (c == '/' || c == '%') {
        path += c == '/' ? "%2F" : "%25";
        continue;
      }
    }
    if (is_control(c)) {
      return std::nullopt;
    }
    path += c;
  }
  return path;
}

std::string decode_segment(std::string_view segment) {
  std::string text;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    const auto decoded = segment[i] == '%' ? decode_at(segment, i) : std::nullopt;
    text += decoded.value_or(segment[i]);
    i += decoded ? 2U : 0U;
  }
  return text;
}

std::optional<std::string> decode_form_value(std::string_view raw) {
  std::string value;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    char c = raw[i] == '+' ? ' ' : raw[i];
    if (c == '%') {
      const auto decoded = decode_at(raw, i);
      if (!decoded) {
        return std::nullopt;
      }
      c = *decoded;
      i += 2;
    }
    if (is_control(c)) {
      return std::nullopt;
    }
    value += c;
  }
  return value;
}

}  // namespace kvmtsc::http
