#include "config/identity_rules.h"

#include <array>
#include <string>
#include <string_view>

#include "config/rule_text.h"
#include "config/yaml_reader.h"

namespace kvmtsc {
namespace {

constexpr std::array<std::string_view, 4> kKeys{"match", "pattern", "name", "uuid"};
constexpr std::string_view kTemplateForm =
    "it takes text in which \\1 to \\9 stand for the pattern's groups and \\\\ for a backslash";

void read_subject(const YamlNode& node, const std::string& key, IdentitySubject& subject,
                  Problems& problems) {
  constexpr std::string_view kTakes = "it takes cmdline or cgroup";
  const auto text = read_text(node, key, kTakes, problems);
  if (text && *text == "cgroup") {
    subject = IdentitySubject::kCgroup;
  } else if (text && *text != "cmdline") {
    problems.add(node.line, key, in_quotes(*text) + " is not known", kTakes);
  }
}

void check_template(std::string_view text, int groups, std::size_t line, const std::string& key,
                    Problems& problems) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      continue;
    }
    const char next = ++i < text.size() ? text[i] : '\0';
    if (next >= '1' && next <= '9') {
      if (next - '0' > groups) {
        problems.add(line, key,
                     std::string("there is no group for \\") + next + "; the pattern has " +
                         std::to_string(groups),
                     kTemplateForm);
        return;
      }
    } else if (next != '\\') {
      problems.add(line, key, "a backslash that is followed by neither 1 to 9 nor a backslash",
                   kTemplateForm);
      return;
    }
  }
}

IdentityRule read_rule(const YamlNode& node, const std::string& key, Problems& problems) {
  IdentityRule rule;
  std::size_t name_line = 0;
  std::size_t uuid_line = 0;
  int groups = 9;  // until the pattern is known, every reference may be right
  bool has_pattern = false;
  for (const YamlEntry& entry : read_map(node, key, kKeys, problems)) {
    const std::string child = child_key(key, entry.name);
    if (entry.name == "match") {
      read_subject(*entry.value, child, rule.subject, problems);
    } else if (entry.name == "pattern") {
      has_pattern = true;
      if (read_plain(*entry.value, child, kPatternForm, rule.pattern, problems)) {
        groups = check_pattern(rule.pattern, entry.line, child, problems).value_or(groups);
      }
    } else if (entry.name == "name") {
      name_line = entry.line;
      read_plain(*entry.value, child, kTemplateForm, rule.name, problems);
    } else {
      uuid_line = entry.line;
      read_plain(*entry.value, child, kTemplateForm, rule.uuid, problems);
    }
  }
  check_template(rule.name, groups, name_line, child_key(key, "name"), problems);
  check_template(rule.uuid, groups, uuid_line, child_key(key, "uuid"), problems);
  if (node.kind != YamlNode::Kind::kMap) {
    return rule;  // read_map() has said so, unless it is null
  }
  if (!has_pattern) {
    problems.add(node.line, child_key(key, "pattern"), "missing", kPatternForm);
  }
  if (name_line == 0 && uuid_line == 0) {
    problems.add(node.line, key, "neither name nor uuid", "a rule gives at least one of them");
  }
  return rule;
}

}  // namespace

std::vector<IdentityRule> read_identity_rules(const YamlNode& node, Problems& problems) {
  constexpr std::string_view kTakes =
      "it takes a list of maps with the keys match, pattern, name, uuid";
  std::vector<IdentityRule> rules;
  read_rules(node, "identity.rules", kTakes, problems,
             [&](const YamlNode& rule, const std::string& key) {
               rules.push_back(read_rule(rule, key, problems));
             });
  return rules;
}

}  // namespace kvmtsc
