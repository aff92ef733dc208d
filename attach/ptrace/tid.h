// Tid, RemoteAddress: a thread of another process, and an address in its memory; types of their own
// so that neither is taken for a number of ours. Plain values.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>

namespace kvmtsc::injection {

struct Tid {
  pid_t value = 0;
  friend auto operator<=>(const Tid&, const Tid&) = default;
};

struct RemoteAddress {
  std::uint64_t value = 0;
  friend auto operator<=>(const RemoteAddress&, const RemoteAddress&) = default;
  friend RemoteAddress operator+(RemoteAddress a, std::uint64_t n) { return {a.value + n}; }
  friend RemoteAddress operator-(RemoteAddress a, std::uint64_t n) { return {a.value - n}; }
  RemoteAddress aligned_down(std::uint64_t alignment) const { return {value & ~(alignment - 1)}; }
};

}  // namespace kvmtsc::injection
