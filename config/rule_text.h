// What lists of rules in the configuration have in common: identity.rules, attach.exclude,
// attach.include. Problems name "KEY[N]" or "KEY[N].NAME", N from 0.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "config/problems.h"
#include "config/yaml_document.h"

namespace kvmtsc {

inline constexpr std::size_t kMaxRules = 100;
inline constexpr std::size_t kMaxPatternBytes = 1024;
inline constexpr std::string_view kPatternForm = "it takes a regular expression in RE2 syntax";

// Calls `read` with each item of a list of rules, or adds what is wrong; null is an empty list.
// `takes` completes the problem.
void read_rules(const YamlNode& list, const std::string& key, std::string_view takes,
                Problems& problems,
                const std::function<void(const YamlNode& rule, const std::string& key)>& read);

// Text without line breaks and other control characters. Whether it is there and was stored.
bool read_plain(const YamlNode& node, const std::string& key, std::string_view takes,
                std::string& into, Problems& problems);

// The number of groups of a pattern that compiles.
std::optional<int> check_pattern(const std::string& pattern, std::size_t line,
                                 const std::string& key, Problems& problems);

}  // namespace kvmtsc
