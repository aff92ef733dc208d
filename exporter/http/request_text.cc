#include "exporter/http/request_text.h"

#include <algorithm>

#include "base/parse.h"
#include "exporter/http/civetweb_shim.h"
#include "exporter/http/message.h"

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

}  // namespace

RequestProgress examine_request(std::string_view received) {
  RequestProgress progress;
  const int length =
      kvmtsc_civetweb_head_length(received.data(), static_cast<int>(received.size()));
  if (length < 0) {
    progress.state = RequestProgress::State::kMalformed;
    return progress;
  }
  if (length == 0) {
    return progress;
  }
  progress.state = RequestProgress::State::kHeadComplete;
  progress.head_bytes = static_cast<std::size_t>(length);
  for (const std::string_view line : split(received.substr(0, progress.head_bytes), '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) {
      continue;
    }
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    if (equal_ignoring_case(name, "Content-Length")) {
      progress.body_bytes = parse_content_length(value).value_or(0);
    } else if (equal_ignoring_case(name, "Expect")) {
      progress.expects_continue = equal_ignoring_case(value, "100-continue");
    }
  }
  return progress;
}

std::optional<std::uint64_t> parse_content_length(std::string_view value) {
  const bool digits = !value.empty() && std::all_of(value.begin(), value.end(),
                                                    [](char c) { return c >= '0' && c <= '9'; });
  return digits ? parse_u64(value) : std::nullopt;
}

std::optional<std::string> decode_path(std::string_view raw) {
  if (raw.empty() || raw.front() != '/') {
    return std::nullopt;
  }
  std::string path;
  path.reserve(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) {
    char c = raw[i];
    if (c == '%') {
      const auto high = i + 2 < raw.size() ? hex_digit(raw[i + 1]) : std::nullopt;
      const auto low = i + 2 < raw.size() ? hex_digit(raw[i + 2]) : std::nullopt;
      if (!high || !low) {
        return std::nullopt;
      }
      c = static_cast<char>(*high * 16 + *low);
      i += 2;
      if (c == '/') {
        path += "%2F";
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

}  // namespace kvmtsc::http
