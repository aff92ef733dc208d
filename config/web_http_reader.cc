#include "config/web_http_reader.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "config/web_words.h"

namespace kvmtsc {
namespace {

// exporter-toolkit's list: what a header means to a browser is the same of every exporter.
struct Header {
  std::string_view name;
  std::array<std::string_view, 2> values;  // that it takes; empty for any
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
  std::vector<std::string_view> names;
  for (const Header& header : kHeaders) {
    names.push_back(header.name);
  }
  for (const YamlEntry& entry : read_map(*headers.value, key, names, problems)) {
    read_header(entry, child_key(key, entry.name), into, problems);
  }
}

}  // namespace

void read_web_http(const YamlEntry& section, WebConfig& into, Problems& problems) {
  constexpr std::array<std::string_view, 2> kKeys{"http2", "headers"};
  for (const YamlEntry& entry : read_map(*section.value, section.name, kKeys, problems)) {
    const std::string key = child_key(section.name, entry.name);
    if (entry.name == "headers") {
      read_headers(entry, key, into, problems);
    } else if (entry.value->kind != YamlNode::Kind::kNull) {
      static_cast<void>(read_flag(*entry.value, key, problems));  // HTTP/1.1 is served either way
    }
  }
}

}  // namespace kvmtsc
