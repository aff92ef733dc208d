// IdentityRules: the operator's own rules for naming VMs.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace re2 {
class RE2;
}

namespace kvmtsc {

// One rule as it was written. In `name` and `uuid`, \1 to \9 stand for the pattern's groups (what a
// group that took no part matched is empty), \0 for the whole match and \\ for a backslash. An
// empty template leaves its part to the built-in rules.
struct IdentityRuleText {
  enum class Subject { kCommandLine, kCgroup };
  Subject subject = Subject::kCommandLine;
  std::string pattern{};  // RE2 syntax, unanchored, UTF-8
  std::string name{};
  std::string uuid{};
};

// Immutable; any thread. Copies share the compiled patterns.
class IdentityRules {
 public:
  struct Match {
    std::string name;  // valid UTF-8, like the subjects; empty: ask the built-in rules
    std::string uuid;
  };

  IdentityRules() = default;  // no rules

  // kInvalid, naming the rule by its position from 1, for a pattern that does not compile or needs
  // more than 1 MiB, and for a template with a group that the pattern does not have.
  static Result<IdentityRules> compile(std::span<const IdentityRuleText> texts);

  bool empty() const { return rules_.empty(); }

  // The first rule that matches decides, even where its templates come out empty. `command_line` is
  // argv joined by single spaces. Takes time linear in the subjects' length (docs/adr/0004).
  std::optional<Match> match(std::string_view command_line, std::string_view cgroup) const;

 private:
  struct Rule {
    IdentityRuleText text;
    std::shared_ptr<const re2::RE2> pattern;
  };
  std::vector<Rule> rules_;
};

}  // namespace kvmtsc
