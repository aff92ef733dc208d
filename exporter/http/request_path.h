// The parts of a request target. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kvmtsc::http {

// A request target's path with its percent-encodings decoded, except %2F, which stays as "%2F"
// (RFC 3986, 2.2: an encoded slash is no separator), and %25, which stays as "%25", so that what
// was sent as "%252F" is not taken for a slash. Absent when it does not begin with '/', when a '%'
// is not followed by two hexadecimal digits, or when it decodes to a control character.
std::optional<std::string> decode_path(std::string_view raw);

// What a segment of such a path says: with '/' and '%' for what stayed.
std::string decode_segment(std::string_view segment);

// A value of a query of type application/x-www-form-urlencoded: '+' is a space, every percent
// encoding is decoded. Absent as above.
std::optional<std::string> decode_form_value(std::string_view raw);

}  // namespace kvmtsc::http
