#include "collectors/attach_rules.h"

#include <utility>

#include <re2/re2.h>

#include "collectors/pattern.h"

namespace kvmtsc {
namespace {

using Subject = AttachRuleText::Subject;

constexpr const char* kRemedy =
    "nobody may stop this VM; if that has changed, change attach.exclude or attach.include in the "
    "service's configuration and reload it";

const char* word_of(Subject subject) {
  switch (subject) {
    case Subject::kName:
      return "name";
    case Subject::kUuid:
      return "uuid";
    case Subject::kCommandLine:
      return "cmdline";
    case Subject::kCgroup:
      return "cgroup";
  }
  return "";
}

Error excluded(std::string why) {
  return Error{ErrorKind::kExcluded, "not attached to: " + std::move(why), kRemedy};
}

}  // namespace

Result<std::vector<AttachRules::Rule>> AttachRules::compile_list(
    std::span<const AttachRuleText> texts, const std::string& key) {
  std::vector<Rule> rules;
  for (const AttachRuleText& text : texts) {
    const std::string item = key + "[" + std::to_string(rules.size()) + "]";
    auto pattern = compile_pattern(text.pattern, item);
    if (!pattern) {
      return pattern.error();
    }
    rules.push_back({text, item, *std::move(pattern)});
  }
  return rules;
}

Result<AttachRules> AttachRules::compile(std::span<const AttachRuleText> exclude,
                                         std::span<const AttachRuleText> include) {
  auto excluding = compile_list(exclude, "attach.exclude");
  auto including = compile_list(include, "attach.include");
  if (!excluding || !including) {
    return excluding ? including.error() : excluding.error();
  }
  AttachRules rules;
  rules.exclude_ = *std::move(excluding);
  rules.include_ = *std::move(including);
  return rules;
}

std::optional<bool> AttachRules::matches(const Rule& rule, const Subjects& vm, std::string& why) {
  const auto found_in = [&](std::string_view text) {
    return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *rule.pattern);
  };
  const auto found_in_file = [&](const Result<std::string>& text) -> std::optional<bool> {
    if (!text) {
      why = text.error().message;
      return std::nullopt;
    }
    return found_in(*text);
  };
  switch (rule.text.subject) {
    case Subject::kName:
      return found_in(vm.name);
    case Subject::kUuid:
      return found_in(vm.uuid);
    case Subject::kCommandLine:
      return found_in_file(vm.command_line);
    case Subject::kCgroup:
      return found_in_file(vm.cgroup);
  }
  return std::nullopt;
}

Status AttachRules::admit(const Subjects& vm) const {
  std::string why;
  for (const Rule& rule : exclude_) {
    const auto matched = matches(rule, vm, why);
    if (!matched) {
      return excluded("whether " + rule.key + " is about it is not known: " + why);
    }
    if (*matched) {
      return excluded(rule.key + " matches its " + word_of(rule.text.subject));
    }
  }
  for (const Rule& rule : include_) {
    if (matches(rule, vm, why).value_or(false)) {
      return ok_status();
    }
  }
  return include_.empty() ? ok_status() : Status(excluded("no rule of attach.include matches it"));
}

}  // namespace kvmtsc
