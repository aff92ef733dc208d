// What can be said of a request from its bytes alone. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kvmtsc::http {

// How far a request has come in, judged by its first bytes.
struct RequestProgress {
  enum class State {
    kHeadIncomplete,
    kHeadComplete,
    kMalformed,  // can never become a request head
  };
  State state = State::kHeadIncomplete;
  std::size_t head_bytes = 0;    // with the empty line; only for kHeadComplete
  std::uint64_t body_bytes = 0;  // as announced; 0 when nothing or nothing valid is
  bool expects_continue = false;
};
RequestProgress examine_request(std::string_view received);

// The value of a Content-Length field: digits alone (RFC 9110, 8.6).
std::optional<std::uint64_t> parse_content_length(std::string_view value);

// A request target's path with its percent-encodings decoded, except %2F, which stays as "%2F"
// (RFC 3986, 2.2: an encoded slash is no separator). Absent when it does not begin with '/', when a
// '%' is not followed by two hexadecimal digits, or when it decodes to a control character.
std::optional<std::string> decode_path(std::string_view raw);

}  // namespace kvmtsc::http
