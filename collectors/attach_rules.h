// AttachRules: the operator's word on which VMs may be attached to.
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

// One rule as it was written: the VMs whose subject matches the pattern.
struct AttachRuleText {
  enum class Subject { kName, kUuid, kCommandLine, kCgroup };
  Subject subject = Subject::kName;
  std::string pattern{};  // RE2 syntax, unanchored, UTF-8
};

// Immutable; any thread. Copies share the compiled patterns.
class AttachRules {
 public:
  // What the rules look at, valid UTF-8. What could not be read is an Error; `command_line` is argv
  // joined by single spaces.
  struct Subjects {
    std::string_view name;
    std::string_view uuid;
    Result<std::string> command_line;
    Result<std::string> cgroup;
  };

  AttachRules() = default;  // every VM may be attached to

  // kInvalid, naming the rule, for a pattern that does not compile or needs more than 1 MiB.
  static Result<AttachRules> compile(std::span<const AttachRuleText> exclude,
                                     std::span<const AttachRuleText> include);

  bool empty() const { return exclude_.empty() && include_.empty(); }

  // kExcluded, naming the rule, where one of `exclude` matches, or where there are rules in
  // `include` and none does. A subject that could not be read never lets a VM through: it counts as
  // matched by `exclude` and as not matched by `include`.
  Status admit(const Subjects& vm) const;

 private:
  struct Rule {
    AttachRuleText text;
    std::string key;  // "attach.exclude[0]"
    std::shared_ptr<const re2::RE2> pattern;
  };
  static Result<std::vector<Rule>> compile_list(std::span<const AttachRuleText> texts,
                                                const std::string& key);
  // Absent where it cannot be told, with `why`.
  static std::optional<bool> matches(const Rule& rule, const Subjects& vm, std::string& why);

  std::vector<Rule> exclude_;
  std::vector<Rule> include_;
};

}  // namespace kvmtsc
