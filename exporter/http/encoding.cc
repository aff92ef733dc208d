#include "exporter/http/encoding.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "base/parse.h"
#include "exporter/http/gzip.h"

namespace kvmtsc::http {
namespace {

constexpr std::size_t kWorthCompressing = 1024;

// q as thousandths, so that "0.5" and "0.500" compare equal; absent when malformed (RFC 9110,
// 12.4.2: at most three digits, at most 1).
std::optional<int> parse_weight(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) {
    return std::nullopt;
  }
  int thousandths = (text[0] - '0') * 1000;
  if (text.size() > 1 && text[1] != '.') {
    return std::nullopt;
  }
  int scale = 100;
  for (const char digit : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (digit < '0' || digit > '9') {
      return std::nullopt;
    }
    thousandths += (digit - '0') * scale;
    scale /= 10;
  }
  return thousandths <= 1000 ? std::optional(thousandths) : std::nullopt;
}

// One element of a list: "name; parameter=value; q=0.5".
struct Preference {
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string_view>> parameters;  // without q
  int weight = 1000;
};

bool is_token(std::string_view text) {
  constexpr std::string_view kPunctuation = "!#$%&'*+-.^_`|~/";  // '/' joins a type and a subtype
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kPunctuation.find(c) != std::string_view::npos;
  });
}

std::optional<Preference> parse_preference(std::string_view element) {
  const auto pieces = split(element, ';');
  Preference preference;
  preference.name = trim(pieces[0]);
  if (!is_token(preference.name)) {
    return std::nullopt;
  }
  for (std::size_t i = 1; i < pieces.size(); ++i) {
    const std::string_view piece = trim(pieces[i]);
    const auto equals = piece.find('=');
    if (equals == std::string_view::npos) {
      return std::nullopt;
    }
    const std::string_view name = piece.substr(0, equals);
    std::string_view value = piece.substr(equals + 1);
    if (equal_ignoring_case(name, "q")) {
      const auto weight = parse_weight(value);
      if (!weight) {
        return std::nullopt;
      }
      preference.weight = *weight;
      continue;
    }
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
      value = value.substr(1, value.size() - 2);
    }
    preference.parameters.emplace_back(name, value);
  }
  return preference;
}

bool is_openmetrics(const Preference& preference) {
  return equal_ignoring_case(preference.name, "application/openmetrics-text") &&
         std::all_of(preference.parameters.begin(), preference.parameters.end(),
                     [](const auto& parameter) {
                       return !equal_ignoring_case(parameter.first, "version") ||
                              parameter.second == "1.0.0" || parameter.second == "0.0.1";
                     });
}

// How closely a range describes text/plain: 0 not at all, 3 by name. The closest decides.
int plain_text_precision(std::string_view range) {
  if (equal_ignoring_case(range, "text/plain")) {
    return 3;
  }
  if (equal_ignoring_case(range, "text/*")) {
    return 2;
  }
  return range == "*/*" ? 1 : 0;
}

bool is_compressible(std::string_view content_type) {
  const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
  constexpr std::array<std::string_view, 5> kTexts{"application/openmetrics-text",
                                                   "application/json", "application/problem+json",
                                                   "application/javascript", "image/svg+xml"};
  return equal_ignoring_case(type.substr(0, 5), "text/") ||
         std::any_of(kTexts.begin(), kTexts.end(),
                     [&](std::string_view text) { return equal_ignoring_case(type, text); });
}

bool has_header(const Response& response, std::string_view name) {
  return std::any_of(response.headers.begin(), response.headers.end(),
                     [&](const Header& header) { return equal_ignoring_case(header.first, name); });
}

// The values of all fields of that name as the one list they stand for (RFC 9110, 5.3).
std::string joined(const Request& request, std::string_view name) {
  std::string list;
  for (const auto& [field, value] : request.headers) {
    if (equal_ignoring_case(field, name)) {
      list += (list.empty() ? "" : ",") + value;
    }
  }
  return list;
}

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  std::optional<int> by_name;
  std::optional<int> by_star;
  for (const std::string_view element : split(accept_encoding, ',')) {
    const auto preference = parse_preference(element);
    if (!preference) {
      continue;
    }
    if (equal_ignoring_case(preference->name, "gzip") ||
        equal_ignoring_case(preference->name, "x-gzip")) {
      by_name = std::max(by_name.value_or(0), preference->weight);
    } else if (preference->name == "*") {
      by_star = std::max(by_star.value_or(0), preference->weight);
    }
  }
  return by_name ? *by_name > 0 : by_star.value_or(0) > 0;
}

bool takes_gzip(const Request& request) {
  return accepts_gzip(joined(request, "Accept-Encoding"));
}

void compress_for(const Request& request, Response& response) {
  if (response.shared != nullptr || response.body.size() < kWorthCompressing ||
      !is_compressible(response.content_type) || has_header(response, "Content-Encoding")) {
    return;
  }
  response.headers.emplace_back("Vary", "Accept-Encoding");
  if (!takes_gzip(request)) {
    return;
  }
  auto packed = gzip(response.body);
  if (!packed || packed->size() >= response.body.size()) {
    return;
  }
  response.body = *std::move(packed);
  response.headers.emplace_back("Content-Encoding", "gzip");
}

bool prefers_openmetrics(std::string_view accept) {
  int openmetrics = 0;
  int plain = 0;
  int plain_precision = 0;
  for (const std::string_view element : split(accept, ',')) {
    if (trim(element).empty()) {
      continue;
    }
    const auto preference = parse_preference(element);
    if (!preference) {
      return false;
    }
    if (is_openmetrics(*preference)) {
      openmetrics = std::max(openmetrics, preference->weight);
    }
    const int precision = plain_text_precision(preference->name);
    if (precision > plain_precision) {
      plain_precision = precision;
      plain = preference->weight;
    } else if (precision == plain_precision && precision > 0) {
      plain = std::max(plain, preference->weight);
    }
  }
  return openmetrics > 0 && openmetrics >= plain;
}

}  // namespace kvmtsc::http
