#include "exporter/http/message.h"

#include <algorithm>
#include <array>

#include "base/parse.h"
#include "exporter/http/request_path.h"

namespace kvmtsc::http {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

std::string json_string(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20) {
      quoted += "\\u00";
      quoted += kHex[byte >> 4U];
      quoted += kHex[byte & 0xFU];
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

struct Phrase {
  int status;
  const char* text;
};
constexpr std::array kPhrases{
    Phrase{200, "OK"},
    Phrase{201, "Created"},
    Phrase{202, "Accepted"},
    Phrase{204, "No Content"},
    Phrase{301, "Moved Permanently"},
    Phrase{302, "Found"},
    Phrase{303, "See Other"},
    Phrase{304, "Not Modified"},
    Phrase{307, "Temporary Redirect"},
    Phrase{308, "Permanent Redirect"},
    Phrase{400, "Bad Request"},
    Phrase{401, "Unauthorized"},
    Phrase{403, "Forbidden"},
    Phrase{404, "Not Found"},
    Phrase{405, "Method Not Allowed"},
    Phrase{406, "Not Acceptable"},
    Phrase{408, "Request Timeout"},
    Phrase{409, "Conflict"},
    Phrase{410, "Gone"},
    Phrase{411, "Length Required"},
    Phrase{412, "Precondition Failed"},
    Phrase{413, "Content Too Large"},
    Phrase{414, "URI Too Long"},
    Phrase{415, "Unsupported Media Type"},
    Phrase{417, "Expectation Failed"},
    Phrase{422, "Unprocessable Content"},
    Phrase{428, "Precondition Required"},
    Phrase{429, "Too Many Requests"},
    Phrase{431, "Request Header Fields Too Large"},
    Phrase{500, "Internal Server Error"},
    Phrase{501, "Not Implemented"},
    Phrase{502, "Bad Gateway"},
    Phrase{503, "Service Unavailable"},
    Phrase{504, "Gateway Timeout"},
    Phrase{505, "HTTP Version Not Supported"},
};

}  // namespace

std::string_view Request::header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const Header& header) {
    return equal_ignoring_case(header.first, name);
  });
  return found == headers.end() ? std::string_view{} : std::string_view{found->second};
}

std::string Request::parameter(std::string_view name) const {
  const auto found = std::ranges::find(parameters, name, &Header::first);
  return found == parameters.end() ? "" : found->second;
}

std::optional<std::string> Request::query_value(std::string_view name) const {
  for (const std::string_view field : split(query, '&')) {
    const auto equals = field.find('=');
    if (equals != std::string_view::npos && field.substr(0, equals) == name) {
      return decode_form_value(field.substr(equals + 1));
    }
  }
  return std::nullopt;
}

bool Request::query_is_sound() const {
  return std::ranges::all_of(split(query, '&'), [](std::string_view field) {
    const auto equals = field.find('=');
    return equals == field.npos || decode_form_value(field.substr(equals + 1)).has_value();
  });
}

const char* reason_phrase(int status) {
  const auto* const found =
      std::find_if(kPhrases.begin(), kPhrases.end(),
                   [&](const Phrase& phrase) { return phrase.status == status; });
  return found == kPhrases.end() ? "Unknown" : found->text;
}

bool is_probe(const Request& request) {
  return request.path == "/-/healthy" || request.path == "/-/ready";
}

Response problem(int status, std::string_view detail,
                 std::optional<std::chrono::nanoseconds> retry_after) {
  Response response;
  response.status = status;
  response.content_type = "application/problem+json";
  response.body = R"({"type":"about:blank","title":)" + json_string(reason_phrase(status)) +
                  R"(,"status":)" + std::to_string(status);
  if (!detail.empty()) {
    response.body += R"(,"detail":)" + json_string(detail);
  }
  if (retry_after) {
    // A second too early would be refused again.
    const auto seconds =
        std::to_string(std::chrono::ceil<std::chrono::seconds>(*retry_after).count());
    response.body += R"(,"retry_after_seconds":)" + seconds;
    response.headers.emplace_back("Retry-After", seconds);
  }
  response.body += "}\n";
  return response;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool has_token(std::string_view field, std::string_view token) {
  const auto elements = split(field, ',');
  return std::any_of(elements.begin(), elements.end(), [&](std::string_view element) {
    return equal_ignoring_case(trim(element), token);
  });
}

}  // namespace kvmtsc::http
