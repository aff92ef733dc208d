// The parts of a request target. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kvmtsc::http {

// A request target's path with its percent-encodings decoded, except %2F, which stays as "%2F"
// (RFC 3986, 2.2: an encoded slash is no separator). Absent when it does not begin with '/', when a
// '%' is not followed by two hexadecimal digits, or when it decodes to a control character.
std::optional<std::string> decode_path(std::string_view raw);

// A value of a query of type application/x-www-form-urlencoded: '+' is a space, every percent
// encoding is decoded. Absent as above.
std::optional<std::string> decode_form_value(std::string_view raw);

}  // namespace kvmtsc::http
