// Suggestions for mistyped words.
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace kvmtsc {

// The candidate that the writer of `word` most likely meant: few edits away (insertion, deletion,
// substitution, swap of neighbours), or else the only one that ends in ".word". Absent if none is
// near.
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> candidates);

}  // namespace kvmtsc
