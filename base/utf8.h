// Text from other people's processes, made safe for label values and JSON.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kvmtsc {

// `text` as valid UTF-8 of at most `max_bytes` bytes: each byte that is not part of a well-formed
// sequence (RFC 3629: no surrogates, no overlong forms, nothing above U+10FFFF) and each NUL
// becomes U+FFFD. Text that does not fit is cut at a character boundary and ends in U+2026.
// `max_bytes` is at least 3.
std::string to_valid_utf8(std::string_view text, std::size_t max_bytes);

}  // namespace kvmtsc
