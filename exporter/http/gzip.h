// Gzip members (RFC 1952) that begin alike, so that the compressed beginning can be shared. One
// member, not two in a row, of which many clients read only the first (docs/adr/0020). Pure; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kvmtsc::http {

struct GzipStart {
  std::string bytes;      // the member's header and DEFLATE blocks, of which none is the last
  std::uint32_t crc = 0;  // of the text (CRC-32)
  std::size_t size = 0;   // of the text, in bytes
};

// Absent when there is no memory for it.
std::optional<GzipStart> start_gzip(std::string_view text);

// What makes, behind start.bytes, a whole member, which unpacks to start's text and this one. This
// one is stored as it is: of a text of a page, to compress it would take longer than to send it.
std::string end_gzip(const GzipStart& start, std::string_view text);

// One text as one member. Absent when there is no memory for it.
std::optional<std::string> gzip(std::string_view text);

}  // namespace kvmtsc::http
