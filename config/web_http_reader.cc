#include "config/web_http_reader.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "base/parse.h"
#include "config/durations.h"
#include "config/web_words.h"

namespace kvmtsc {
namespace {

// exporter-toolkit's list: what a header means to a browser is the same of every exporter.
struct Header {
  std::string_view name;
  std::array<std::string_view, 2> values;  // that it takes, one of them twice; empty for any
};
constexpr std::array<Header, 5> kHeaders{{
    {"Content-Security-Policy", {}},
    {"Strict-Transport-Security", {}},
    {"X-Content-Type-Options", {"nosniff", "nosniff"}},
    {"X-Frame-Options", {"deny", "sameorigin"}},
    {"X-XSS-Protection", {}},
}};

void read_header(const YamlEntry& entry, const std::string& key, WebConfig& into,
                 Problems& problems) {
  if (entry.value->kind == YamlNode::Kind::kNull) {
    return;
  }
  const auto value = read_text(*entry.value, key, "it takes a text", problems);
  if (!value) {
    return;
  }
  const auto* const known = std::ranges::find(kHeaders, entry.name, &Header::name);
  const auto& values = known->values;
  if (!is_header_value(*value)) {
    problems.add(entry.line, key, "it is not one line of text", "");
  } else if (!values[0].empty() && std::ranges::find(values, *value) == values.end()) {
    problems.add(entry.line, key, in_quotes(*value) + " means nothing",
                 "it takes " + std::string(values[0]) +
                     (values[1] == values[0] ? "" : " or " + std::string(values[1])));
  } else if (!value->empty()) {
    into.headers.emplace_back(entry.name, *value);
  }
}

void read_headers(const YamlEntry& headers, const std::string& key, WebConfig& into,
                  Problems& problems) {
  std::array<std::string_view, kHeaders.size()> names;
  std::ranges::transform(kHeaders, names.begin(), &Header::name);
  for (const YamlEntry& entry : read_map(*headers.value, key, names, problems)) {
    read_header(entry, child_key(key, entry.name), into, problems);
  }
}

}  // namespace

bool read_web_http(const YamlEntry& section, WebConfig& into, Problems& problems) {
  constexpr std::array<std::string_view, 2> kKeys{"http2", "headers"};
  bool http2 = true;
  for (const YamlEntry& entry : read_map(*section.value, section.name, kKeys, problems)) {
    const std::string key = child_key(section.name, entry.name);
    if (entry.name == "headers") {
      read_headers(entry, key, into, problems);
    } else if (entry.value->kind != YamlNode::Kind::kNull) {
      http2 = read_flag(*entry.value, key, problems).value_or(true);
    }
  }
  return http2;
}

WebRateLimit read_web_rate_limit(const YamlEntry& section, Problems& problems) {
  constexpr std::array<std::string_view, 2> kKeys{"interval", "burst"};
  constexpr std::string_view kInterval = "it takes a duration, 100ms for instance";
  constexpr std::string_view kBurst = "it takes a whole number";
  WebRateLimit limit;
  for (const YamlEntry& entry : read_map(*section.value, section.name, kKeys, problems)) {
    const bool interval = entry.name == "interval";
    const std::string key = child_key(section.name, entry.name);
    const auto value = entry.value->kind == YamlNode::Kind::kNull
                           ? std::nullopt
                           : read_text(*entry.value, key, interval ? kInterval : kBurst, problems);
    if (!value) {
      continue;
    }
    if (interval) {
      const auto duration = parse_go_duration(*value);
      if (!duration) {
        problems.add(entry.line, key, in_quotes(*value) + " is no duration", kInterval);
      }
      limit.interval = duration.value_or(limit.interval);
    } else {
      const auto burst = parse_u64(*value);
      if (!burst) {
        problems.add(entry.line, key, in_quotes(*value) + " is no number of requests", kBurst);
      }
      // A bucket that holds nothing would let nobody in, ever.
      limit.burst = std::max<std::uint64_t>(1, burst.value_or(1));
    }
  }
  return limit;
}

}  // namespace kvmtsc
