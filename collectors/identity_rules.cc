#include "collectors/identity_rules.h"

#include <array>

#include <re2/re2.h>

#include "collectors/pattern.h"

namespace kvmtsc {
namespace {

constexpr int kGroups = 10;  // \0 to \9

std::string rule_at(std::size_t position) {
  return "identity rule " + std::to_string(position);
}

Error invalid(std::size_t position, std::string what, std::string remedy) {
  return Error{ErrorKind::kInvalid, rule_at(position) + ": " + std::move(what), std::move(remedy)};
}

std::string expand(const re2::RE2& pattern, const std::string& text,
                   const std::array<re2::StringPiece, kGroups>& groups) {
  std::string out;
  pattern.Rewrite(&out, text, groups.data(), kGroups);  // the template was checked by compile()
  return out;
}

}  // namespace

Result<IdentityRules> IdentityRules::compile(std::span<const IdentityRuleText> texts) {
  IdentityRules rules;
  for (const IdentityRuleText& text : texts) {
    const std::size_t position = rules.rules_.size() + 1;
    auto compiled = compile_pattern(text.pattern, rule_at(position));
    if (!compiled) {
      return compiled.error();
    }
    auto pattern = *std::move(compiled);
    for (const std::string* part : {&text.name, &text.uuid}) {
      std::string why;
      if (!pattern->CheckRewriteString(*part, &why)) {
        return invalid(position, "template \"" + *part + "\": " + why,
                       "\\1 to \\9 stand for the pattern's groups, \\\\ for a backslash");
      }
    }
    rules.rules_.push_back({text, std::move(pattern)});
  }
  return rules;
}

std::optional<IdentityRules::Match> IdentityRules::match(std::string_view command_line,
                                                         std::string_view cgroup) const {
  for (const Rule& rule : rules_) {
    const std::string_view subject =
        rule.text.subject == IdentityRuleText::Subject::kCgroup ? cgroup : command_line;
    std::array<re2::StringPiece, kGroups> groups;
    const int wanted = std::min(kGroups, rule.pattern->NumberOfCapturingGroups() + 1);
    if (rule.pattern->Match(re2::StringPiece(subject.data(), subject.size()), 0, subject.size(),
                            re2::RE2::UNANCHORED, groups.data(), wanted)) {
      return Match{expand(*rule.pattern, rule.text.name, groups),
                   expand(*rule.pattern, rule.text.uuid, groups)};
    }
  }
  return std::nullopt;
}

}  // namespace kvmtsc
