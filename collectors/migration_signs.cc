#include "collectors/migration_signs.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/file.h"

namespace kvmtsc {

bool shows_migration(const HostRoot& root, pid_t process) {
  constexpr std::array<std::string_view, 3> kBeginnings{"live_migration", "mig/", "multifd"};
  constexpr std::size_t kLongestName = 64;
  const std::string tasks = root.proc + "/" + std::to_string(process) + "/task";
  const auto threads = list_directory(tasks);
  if (!threads) {
    return false;
  }
  return std::ranges::any_of(*threads, [&](const std::string& thread) {
    const auto name = read_file(tasks + "/" + thread + "/comm", kLongestName);
    return name && std::ranges::any_of(kBeginnings, [&](std::string_view beginning) {
             return name->starts_with(beginning);
           });
  });
}

}  // namespace kvmtsc
