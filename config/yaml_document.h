// YamlNode: one YAML document as a plain tree that remembers its lines. Wraps yaml-cpp's event
// parser; no other file knows it.
//
// Its own tree rather than YAML::Node, because that one drops duplicate keys and expands aliases.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "config/problems.h"

namespace kvmtsc {

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  std::size_t line = 0;         // from 1
  std::string text;             // of a scalar, quoted or not
  std::vector<YamlNode> items;  // of a list; of a map: key, value, key, value, ...
};

inline constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxYamlNodes = 10000;
inline constexpr std::size_t kMaxYamlDepth = 16;

// The document in `yaml`; a null node if there is none (an empty file, or comments only). Absent,
// with at least one problem added, if `yaml` is not well-formed UTF-8 without control characters,
// not well-formed YAML, holds a second document, anchors, aliases or tags, or exceeds a limit
// above. Never throws; takes time and memory in proportion to the size.
std::optional<YamlNode> parse_yaml(const std::string& yaml, Problems& problems);

}  // namespace kvmtsc
