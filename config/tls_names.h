// The names that exporter-toolkit's format has for cipher suites and curves, which are those of
// Go's crypto/tls, and OpenSSL's for the same. Pure.
#pragma once

#include <span>
#include <string_view>

namespace kvmtsc {

struct CipherSuite {
  std::string_view name;     // RFC 8446, B.4, and RFC 8422, 6
  std::string_view openssl;  // ciphers(1)
  bool tls13;                // of TLS 1.3, where suites are not for choosing
  bool http2;  // one of the two without either of which Go serves no HTTP/2 (RFC 9113, 9.2.2)
};

struct Curve {
  std::string_view name;
  std::string_view openssl;
};

// Those that Go counts as secure (tls.CipherSuites()), the best first.
std::span<const CipherSuite> cipher_suites();
std::span<const Curve> curves();

// Null where there is none of that name.
const CipherSuite* find_cipher_suite(std::string_view name);
const Curve* find_curve(std::string_view name);

}  // namespace kvmtsc
