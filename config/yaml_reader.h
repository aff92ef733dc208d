// Typed access to YAML nodes. Every function adds a problem for each thing that is not as it should
// be, names its line and key, and gives what is right.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/problems.h"
#include "config/yaml_document.h"

namespace kvmtsc {

// `takes` completes the problem: what the key takes.
std::optional<std::string> read_text(const YamlNode& node, std::string_view key,
                                     std::string_view takes, Problems& problems);

// true or false, in all the words that YAML 1.1 has for them ("yes", "Off", "n").
std::optional<bool> read_flag(const YamlNode& node, std::string_view key, Problems& problems);

// A list of scalars.
std::optional<std::vector<std::string>> read_texts(const YamlNode& node, std::string_view key,
                                                   std::string_view takes, Problems& problems);

struct YamlEntry {
  std::string name;
  std::size_t line;
  const YamlNode* value;  // part of the map that was read
};

// The entries of a map whose names are among `known`, the first of each name; a null node has none.
// Other names and repetitions are problems. `key` is the map's own, empty for the whole document.
std::vector<YamlEntry> read_map(const YamlNode& node, std::string_view key,
                                std::span<const std::string_view> known, Problems& problems);

// "PARENT.NAME", or NAME alone below the document.
std::string child_key(std::string_view parent, std::string_view name);

}  // namespace kvmtsc
