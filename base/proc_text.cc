#include "base/proc_text.h"

#include "base/parse.h"

namespace kvmtsc {

std::optional<std::string_view> status_field(std::string_view status, std::string_view name) {
  for (const std::string_view line : split(status, '\n')) {
    if (line.starts_with(name) && line.size() > name.size() && line[name.size()] == ':') {
      return trim(line.substr(name.size() + 1));
    }
  }
  return std::nullopt;
}

std::optional<std::uint64_t> stat_field(std::string_view stat, std::size_t number) {
  constexpr std::size_t kFirst = 3;  // behind the command name
  const auto end_of_name = stat.rfind(')');
  if (end_of_name == std::string_view::npos) {
    return std::nullopt;
  }
  const auto fields = split(trim(stat.substr(end_of_name + 1)), ' ');
  const std::size_t index = number - kFirst;
  return index < fields.size() ? parse_u64(fields[index]) : std::nullopt;
}

}  // namespace kvmtsc
