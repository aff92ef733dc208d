#include "exporter/http/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <utility>

namespace kvmtsc::http {
namespace {

// RFC 1952, 2.3: magic, DEFLATE, no flags, no time, the fastest algorithm, Unix.
constexpr std::string_view kHeader("\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\x03", 10);

// Appends `text`, compressed, to `packed`; zlib's manual names the ways to flush.
void deflate_into(z_stream& stream, std::string_view text, int flush, std::string& packed) {
  // zlib does not write through next_in; it only lacks the const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  std::array<char, 16384> buffer{};
  do {
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream.avail_out = buffer.size();
    // Its only error here is that there is nothing left to do.
    deflate(&stream, flush);
    packed.append(buffer.data(), buffer.size() - stream.avail_out);
  } while (stream.avail_out == 0);
}

std::uint32_t crc_of(std::string_view text) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(text.data()), text.size()));
}

void append_little_endian(std::uint32_t value, unsigned bytes, std::string& out) {
  for (unsigned i = 0; i < bytes; ++i) {
    out += static_cast<char>(value >> 8 * i & 0xffU);
  }
}

// RFC 1951, 3.2.4. The block before has ended at a byte.
void append_stored(std::string_view text, bool last, std::string& out) {
  const auto size = static_cast<std::uint32_t>(text.size());
  out += last ? '\x01' : '\x00';
  append_little_endian(size, 2, out);
  append_little_endian(~size, 2, out);
  out += text;
}

}  // namespace

std::optional<GzipStart> start_gzip(std::string_view text) {
  GzipStart start{std::string(kHeader), crc_of(text), text.size()};
  z_stream stream{};
  // The fastest level makes an exposition about ten times smaller; the best would cost several
  // times the scrape for a tenth more. Negative window bits: blocks alone, without a wrapper.
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return std::nullopt;
  }
  // zlib counts in 32 bits.
  constexpr std::size_t kStep = std::size_t{1} << 30U;
  for (; text.size() > kStep; text.remove_prefix(kStep)) {
    deflate_into(stream, text.substr(0, kStep), Z_NO_FLUSH, start.bytes);
  }
  // Ends at a byte.
  deflate_into(stream, text, Z_SYNC_FLUSH, start.bytes);
  deflateEnd(&stream);
  start.bytes.shrink_to_fit();
  return start;
}

std::string end_gzip(const GzipStart& start, std::string_view text) {
  constexpr std::size_t kMaxStored = 65535;
  const std::uint64_t size = start.size + text.size();
  const auto crc = static_cast<std::uint32_t>(
      crc32_combine(start.crc, crc_of(text), static_cast<z_off_t>(text.size())));
  std::string end;
  end.reserve(text.size() + 32);
  for (; text.size() > kMaxStored; text.remove_prefix(kMaxStored)) {
    append_stored(text.substr(0, kMaxStored), false, end);
  }
  append_stored(text, true, end);
  append_little_endian(crc, 4, end);
  append_little_endian(static_cast<std::uint32_t>(size), 4, end);  // modulo 2^32
  return end;
}

std::optional<std::string> gzip(std::string_view text) {
  auto start = start_gzip(text);
  if (!start) {
    return std::nullopt;
  }
  return std::move(start->bytes) + end_gzip(*start, {});
}

}  // namespace kvmtsc::http
