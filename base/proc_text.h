// Fields of /proc/<pid>/status and /proc/<pid>/stat, from the text of these files (proc(5)). Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace kvmtsc {

// The value of the line "NAME:\tVALUE" of status, without white space around it; absent when there
// is no such line. (The kernel escapes newlines in names, so no other line can be forged.)
std::optional<std::string_view> status_field(std::string_view status, std::string_view name);

// Field `number` (from 3 on) of stat, where it is a number that is not negative. The command name,
// field 2, may hold anything, parentheses, spaces and newlines included.
std::optional<std::uint64_t> stat_field(std::string_view stat, std::size_t number);
inline constexpr std::size_t kStatFlags = 9;       // PF_* of include/linux/sched.h
inline constexpr std::size_t kStatStartTime = 22;  // in clock ticks after boot
inline constexpr std::size_t kStatLastCpu = 39;

}  // namespace kvmtsc
