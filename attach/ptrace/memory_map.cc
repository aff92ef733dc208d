#include "attach/ptrace/memory_map.h"

#include <algorithm>
#include <charconv>

#include "base/file.h"
#include "base/parse.h"

namespace kvmtsc::injection {
namespace {

constexpr std::size_t kMaxMapsBytes = std::size_t{16} << 20;

std::optional<std::uint64_t> parse_hex(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

// "BEGIN-END rwxp OFFSET MAJ:MIN INODE      NAME"
std::optional<Mapping> parse_line(std::string_view line) {
  const auto dash = line.find('-');
  const auto space = line.find(' ');
  if (dash == std::string_view::npos || space == std::string_view::npos || dash > space ||
      line.size() < space + 6) {
    return std::nullopt;
  }
  const auto begin = parse_hex(line.substr(0, dash));
  const auto end = parse_hex(line.substr(dash + 1, space - dash - 1));
  if (!begin || !end || *begin >= *end) {
    return std::nullopt;
  }
  Mapping mapping{{*begin}, {*end}, false, false, false, {}};
  mapping.readable = line[space + 1] == 'r';
  mapping.writable = line[space + 2] == 'w';
  mapping.executable = line[space + 3] == 'x';
  std::string_view rest = line.substr(space + 6);
  for (int skipped = 0; skipped < 3; ++skipped) {  // offset, device, inode
    const auto gap = rest.find(' ');
    rest = gap == std::string_view::npos ? std::string_view{} : rest.substr(gap + 1);
  }
  mapping.name = trim(rest);
  return mapping;
}

}  // namespace

Result<MemoryMap> MemoryMap::parse(std::string_view maps_text) {
  MemoryMap map;
  for (const std::string_view line : split(maps_text, '\n')) {
    if (line.empty()) {
      continue;
    }
    auto mapping = parse_line(line);
    if (!mapping) {
      return Error{ErrorKind::kInvalid, "unexpected line in /proc/<pid>/maps", {}};
    }
    map.mappings_.push_back(*std::move(mapping));
  }
  return map;
}

Result<MemoryMap> MemoryMap::read(const HostRoot& root, pid_t process) {
  const auto text = read_file(root.proc + "/" + std::to_string(process) + "/maps", kMaxMapsBytes);
  if (!text) {
    return text.error();
  }
  return parse(*text);
}

const Mapping* MemoryMap::find(RemoteAddress address) const {
  const auto after =
      std::upper_bound(mappings_.begin(), mappings_.end(), address,
                       [](RemoteAddress a, const Mapping& mapping) { return a < mapping.end; });
  return after != mappings_.end() && after->begin <= address ? &*after : nullptr;
}

bool is_usable_stack(const MemoryMap& map, RemoteAddress bottom, RemoteAddress top) {
  const Mapping* mapping = bottom < top ? map.find(bottom) : nullptr;
  return mapping != nullptr && top <= mapping->end && mapping->readable && mapping->writable &&
         !mapping->name.starts_with("[anon: Go");
}

}  // namespace kvmtsc::injection
