#include "config/tls_names.h"

#include <algorithm>
#include <array>

namespace kvmtsc {
namespace {

constexpr std::array<CipherSuite, 13> kCipherSuites{{
    {"TLS_AES_128_GCM_SHA256", "TLS_AES_128_GCM_SHA256", true, false},
    {"TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384", true, false},
    {"TLS_CHACHA20_POLY1305_SHA256", "TLS_CHACHA20_POLY1305_SHA256", true, false},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256", false, true},
    {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256", false, true},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384", false, false},
    {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384", false, false},
    {"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", false,
     false},
    {"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305", false, false},
    {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", "ECDHE-ECDSA-AES128-SHA", false, false},
    {"TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-SHA", false, false},
    {"TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", "ECDHE-ECDSA-AES256-SHA", false, false},
    {"TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", "ECDHE-RSA-AES256-SHA", false, false},
}};

constexpr std::array<Curve, 4> kCurves{{
    {"X25519", "X25519"},
    {"CurveP256", "P-256"},
    {"CurveP384", "P-384"},
    {"CurveP521", "P-521"},
}};

template <typename Names>
auto find(const Names& names, std::string_view name) -> decltype(names.data()) {
  const auto found = std::ranges::find_if(names, [&](const auto& one) { return one.name == name; });
  return found == names.end() ? nullptr : &*found;
}

}  // namespace

std::span<const CipherSuite> cipher_suites() {
  return kCipherSuites;
}

std::span<const Curve> curves() {
  return kCurves;
}

const CipherSuite* find_cipher_suite(std::string_view name) {
  return find(kCipherSuites, name);
}

const Curve* find_curve(std::string_view name) {
  return find(kCurves, name);
}

}  // namespace kvmtsc
