#include "config/yaml_reader.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/nearest.h"

namespace kvmtsc {
namespace {

std::string kind_name(YamlNode::Kind kind) {
  switch (kind) {
    case YamlNode::Kind::kNull:
      return "it has no value";
    case YamlNode::Kind::kScalar:
      return "it is a single value";
    case YamlNode::Kind::kList:
      return "it is a list";
    case YamlNode::Kind::kMap:
      return "it is a map";
  }
  return "it is something else";
}

std::string known_keys(std::span<const std::string_view> known) {
  std::string text = "the keys here are ";
  for (std::size_t i = 0; i < known.size(); ++i) {
    text.append(i == 0 ? "" : ", ").append(known[i]);
  }
  return text;
}

std::string unknown_key(std::string_view name, std::span<const std::string_view> known) {
  const auto dot = name.find('.');
  if (dot != std::string_view::npos &&
      std::find(known.begin(), known.end(), name.substr(0, dot)) != known.end()) {
    return "unknown key (keys are nested: write \"" + std::string(name.substr(0, dot)) +
           ":\" and the rest indented below it)";
  }
  const auto near = nearest(name, known);
  return near ? "unknown key (did you mean " + in_quotes(*near) + "?)" : "unknown key";
}

}  // namespace

std::string child_key(std::string_view parent, std::string_view name) {
  return parent.empty() ? std::string(name) : std::string(parent).append(".").append(name);
}

std::optional<std::string> read_text(const YamlNode& node, std::string_view key,
                                     std::string_view takes, Problems& problems) {
  if (node.kind != YamlNode::Kind::kScalar) {
    problems.add(node.line, key, kind_name(node.kind), takes);
    return std::nullopt;
  }
  return node.text;
}

std::optional<bool> read_flag(const YamlNode& node, std::string_view key, Problems& problems) {
  constexpr std::array<std::string_view, 4> kTrue{"true", "yes", "y", "on"};
  constexpr std::array<std::string_view, 4> kFalse{"false", "no", "n", "off"};
  constexpr std::string_view kTakes = "it takes true or false";
  const auto text = read_text(node, key, kTakes, problems);
  if (!text) {
    return std::nullopt;
  }
  std::string word = *text;
  std::ranges::transform(word, word.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const bool yes = std::ranges::find(kTrue, word) != kTrue.end();
  if (!yes && std::ranges::find(kFalse, word) == kFalse.end()) {
    problems.add(node.line, key, in_quotes(*text) + " is neither true nor false", kTakes);
    return std::nullopt;
  }
  return yes;
}

std::optional<std::vector<std::string>> read_texts(const YamlNode& node, std::string_view key,
                                                   std::string_view takes, Problems& problems) {
  if (node.kind != YamlNode::Kind::kList) {
    problems.add(node.line, key, kind_name(node.kind) + ", not a list", takes);
    return std::nullopt;
  }
  std::vector<std::string> texts;
  bool complete = true;
  for (const YamlNode& item : node.items) {
    auto text = read_text(item, key, takes, problems);
    complete = complete && text.has_value();
    if (text) {
      texts.push_back(*std::move(text));
    }
  }
  return complete ? std::optional(std::move(texts)) : std::nullopt;
}

std::vector<YamlEntry> read_map(const YamlNode& node, std::string_view key,
                                std::span<const std::string_view> known, Problems& problems) {
  std::vector<YamlEntry> entries;
  if (node.kind == YamlNode::Kind::kNull) {
    return entries;
  }
  if (node.kind != YamlNode::Kind::kMap) {
    problems.add(node.line, key, kind_name(node.kind) + ", not a map of keys", known_keys(known));
    return entries;
  }
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i + 1 < node.items.size(); i += 2) {
    const YamlNode& name = node.items[i];
    if (name.kind != YamlNode::Kind::kScalar) {
      problems.add(name.line, key, "a key that is not a word", known_keys(known));
    } else if (!seen.insert(name.text).second) {
      problems.add(name.line, child_key(key, name.text), "given twice", "remove one of them");
    } else if (std::find(known.begin(), known.end(), name.text) == known.end()) {
      problems.add(name.line, child_key(key, name.text), unknown_key(name.text, known),
                   known_keys(known));
    } else {
      entries.push_back({name.text, name.line, &node.items[i + 1]});
    }
  }
  return entries;
}

}  // namespace kvmtsc
