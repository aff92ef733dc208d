// MemoryMap: the mappings of a process, from /proc/<pid>/maps.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attach/ptrace/tid.h"
#include "base/host_root.h"
#include "base/result.h"

namespace kvmtsc::injection {

struct Mapping {
  RemoteAddress begin;
  RemoteAddress end;
  bool readable = false;
  bool writable = false;
  bool executable = false;
  std::string name;  // path, "[vdso]", "[anon: ...]" or empty
};

class MemoryMap {
 public:
  static Result<MemoryMap> parse(std::string_view maps_text);
  static Result<MemoryMap> read(const HostRoot& root, pid_t process);

  const std::vector<Mapping>& mappings() const { return mappings_; }

  // The mapping that holds `address`, or null. Allocates nothing.
  const Mapping* find(RemoteAddress address) const;

 private:
  std::vector<Mapping> mappings_;  // ascending
};

// Whether [bottom, top) may be written as the part of a stack below its stack pointer: one writable
// mapping that is not a garbage-collected heap, where stacks are too small for a signal frame.
bool is_usable_stack(const MemoryMap& map, RemoteAddress bottom, RemoteAddress top);

}  // namespace kvmtsc::injection
