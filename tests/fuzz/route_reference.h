// What a request target ought to reach, found another way than by decode_path() and Router: the
// target is cut at its slashes first and each piece decoded whole afterwards, so that no piece can
// be taken for another or decoded twice.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvmtsc::fuzz {

// The routes that both know: path and methods. Some fit the same targets.
struct Route {
  std::string path;
  std::vector<std::string> methods;
};
const std::vector<Route>& routes();

// A piece of a target with every escape decoded; absent for a bad escape or a control character.
std::optional<std::string> decoded(std::string_view raw);

struct Reached {
  const Route* route = nullptr;                                 // null for none
  std::vector<std::pair<std::string, std::string>> parameters;  // name and value
};
// Absent for a target that is no path.
std::optional<Reached> reached_by(std::string_view raw_path);

}  // namespace kvmtsc::fuzz
