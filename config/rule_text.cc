#include "config/rule_text.h"

#include <algorithm>
#include <utility>

#include <re2/re2.h>

#include "config/yaml_reader.h"

namespace kvmtsc {
namespace {

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

}  // namespace

void read_rules(const YamlNode& list, const std::string& key, std::string_view takes,
                Problems& problems,
                const std::function<void(const YamlNode& rule, const std::string& key)>& read) {
  if (list.kind == YamlNode::Kind::kNull) {
    return;
  }
  if (list.kind != YamlNode::Kind::kList) {
    problems.add(list.line, key, "not a list", takes);
    return;
  }
  if (list.items.size() > kMaxRules) {
    problems.add(list.line, key, std::to_string(list.items.size()) + " rules",
                 "it takes at most " + std::to_string(kMaxRules));
    return;
  }
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    const YamlNode& rule = list.items[i];
    const std::string item = key + "[" + std::to_string(i) + "]";
    if (rule.kind == YamlNode::Kind::kNull) {
      problems.add(rule.line, item, "it has no value", takes);
    } else {
      read(rule, item);
    }
  }
}

bool read_plain(const YamlNode& node, const std::string& key, std::string_view takes,
                std::string& into, Problems& problems) {
  auto text = read_text(node, key, takes, problems);
  if (text && has_control(*text)) {
    problems.add(node.line, key, "it holds a line break or another control character", takes);
  } else if (text) {
    into = *std::move(text);
    return true;
  }
  return false;
}

std::optional<int> check_pattern(const std::string& pattern, std::size_t line,
                                 const std::string& key, Problems& problems) {
  if (pattern.empty()) {
    problems.add(line, key, "it is empty, which would match everything", kPatternForm);
    return std::nullopt;
  }
  if (pattern.size() > kMaxPatternBytes) {
    problems.add(line, key, "longer than " + std::to_string(kMaxPatternBytes) + " bytes",
                 kPatternForm);
    return std::nullopt;
  }
  const re2::RE2 compiled(pattern, re2::RE2::Quiet);
  if (!compiled.ok()) {
    problems.add(line, key, in_quotes(pattern) + " does not compile: " + compiled.error(),
                 kPatternForm);
    return std::nullopt;
  }
  return compiled.NumberOfCapturingGroups();
}

}  // namespace kvmtsc
