#include "config/attach_rules.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "config/rule_text.h"
#include "config/yaml_reader.h"

namespace kvmtsc {
namespace {

constexpr std::string_view kMatchForm = "it takes name, uuid, cmdline or cgroup";
constexpr std::array<std::pair<std::string_view, AttachSubject>, 4> kSubjects{
    {{"name", AttachSubject::kName},
     {"uuid", AttachSubject::kUuid},
     {"cmdline", AttachSubject::kCommandLine},
     {"cgroup", AttachSubject::kCgroup}}};

void read_subject(const YamlNode& node, const std::string& key, AttachSubject& subject,
                  Problems& problems) {
  const auto text = read_text(node, key, kMatchForm, problems);
  if (!text) {
    return;
  }
  const auto found =
      std::ranges::find_if(kSubjects, [&](const auto& known) { return known.first == *text; });
  if (found == kSubjects.end()) {
    problems.add(node.line, key, in_quotes(*text) + " is not known", kMatchForm);
  } else {
    subject = found->second;
  }
}

AttachRule read_rule(const YamlNode& node, const std::string& key, Problems& problems) {
  constexpr std::array<std::string_view, 2> kKeys{"match", "pattern"};
  AttachRule rule;
  bool has_match = false;
  bool has_pattern = false;
  for (const YamlEntry& entry : read_map(node, key, kKeys, problems)) {
    const std::string child = child_key(key, entry.name);
    if (entry.name == "match") {
      has_match = true;
      read_subject(*entry.value, child, rule.subject, problems);
    } else {
      has_pattern = true;
      if (read_plain(*entry.value, child, kPatternForm, rule.pattern, problems)) {
        check_pattern(rule.pattern, entry.line, child, problems);
      }
    }
  }
  if (node.kind == YamlNode::Kind::kMap && !has_match) {
    problems.add(node.line, child_key(key, "match"), "missing", kMatchForm);
  }
  if (node.kind == YamlNode::Kind::kMap && !has_pattern) {
    problems.add(node.line, child_key(key, "pattern"), "missing", kPatternForm);
  }
  return rule;
}

}  // namespace

std::vector<AttachRule> read_attach_rules(const YamlNode& node, const std::string& key,
                                          Problems& problems) {
  std::vector<AttachRule> rules;
  read_rules(node, key, "it takes a list of maps with the keys match, pattern", problems,
             [&](const YamlNode& rule, const std::string& item) {
               rules.push_back(read_rule(rule, item, problems));
             });
  return rules;
}

}  // namespace kvmtsc
