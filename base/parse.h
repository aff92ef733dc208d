// Strict integer parsing of whole strings: optional surrounding ASCII white space, one number, and
// nothing else. No locale, no partial results.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace kvmtsc {

// `text` without leading and trailing ASCII white space.
std::string_view trim(std::string_view text);

// Absent when the text is not exactly one decimal number in the type's range.
std::optional<std::int64_t> parse_i64(std::string_view text);
std::optional<std::uint64_t> parse_u64(std::string_view text);
std::optional<std::uint32_t> parse_u32(std::string_view text);

// Pieces of `text` between separators; n separators give n+1 pieces, which may be empty.
std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace kvmtsc
