#include "config/web_tls_checks.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "config/tls_names.h"
#include "config/yaml_reader.h"

namespace kvmtsc {
namespace {

constexpr std::string_view kSection = "tls_server_config";

// `key` is the text's; the file's has "_file" behind it.
void check_place(const WebPem& pem, const std::string& key, std::size_t line, Problems& problems) {
  if (!pem.file.empty() && !pem.text.empty()) {
    problems.add(line, child_key(kSection, key), "given twice, here and as " + key + "_file",
                 "leave one of them out");
  }
}

void check_given(const WebPem& pem, const std::string& key, std::size_t line, Problems& problems) {
  if (!pem.given()) {
    problems.add(line, kSection, key + "_file is missing",
                 "it takes " + key + "_file, or the PEM text itself as " + key);
  }
}

void check_clients(const WebTls& tls, std::size_t line, Problems& problems) {
  if (tls.client_auth != ClientAuth::kNone) {
    return;
  }
  if (tls.client_ca.given()) {
    problems.add(line, kSection, "a client CA is given and no certificate is asked of clients",
                 "it goes with a client_auth_type, RequireAndVerifyClientCert for instance");
  }
  if (!tls.client_allowed_sans.empty()) {
    problems.add(line, child_key(kSection, "client_allowed_sans"),
                 "no certificate is asked of clients, so that anybody gets in",
                 "it goes with client_auth_type RequireAndVerifyClientCert");
  }
}

void check_versions(const WebTls& tls, std::size_t line, Problems& problems) {
  if (tls.min_version > tls.max_version) {
    problems.add(line, child_key(kSection, "max_version"),
                 "it is below min_version: no version is left", "raise it, or lower the other");
  } else if (!tls.speaks_below_13() && tls.max_version < 13) {
    problems.add(line, child_key(kSection, "cipher_suites"),
                 "all of these are of TLS 1.3, above max_version: none is left",
                 "add one for TLS 1.2, or raise max_version");
  }
}

// Names that are not known have been told already, and count as whatever would be right.
template <typename Is>
bool has_suite(const WebTls& tls, const Is& is) {
  return std::ranges::any_of(tls.cipher_suites, [&](const std::string& name) {
    const CipherSuite* const suite = find_cipher_suite(name);
    return suite == nullptr || is(*suite);
  });
}

}  // namespace

bool WebTls::speaks_below_13() const {
  return min_version < 13 &&
         (cipher_suites.empty() ||
          has_suite(*this, [](const CipherSuite& suite) { return !suite.tls13; }));
}

void check_web_tls(const WebTls& tls, std::size_t line, Problems& problems) {
  check_given(tls.cert, "cert", line, problems);
  check_given(tls.key, "key", line, problems);
  check_place(tls.cert, "cert", line, problems);
  check_place(tls.key, "key", line, problems);
  check_place(tls.client_ca, "client_ca", line, problems);
  check_clients(tls, line, problems);
  check_versions(tls, line, problems);
}

void check_http2_suites(const WebTls& tls, std::size_t line, Problems& problems) {
  const auto is_http2 = [](const CipherSuite& suite) { return suite.http2; };
  if (!tls.cipher_suites.empty() && tls.min_version < 13 && !has_suite(tls, is_http2)) {
    problems.add(line, child_key(kSection, "cipher_suites"),
                 "HTTP/2 takes one that is not among these",
                 "add TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 or "
                 "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, or set http_server_config.http2: false");
  }
}

}  // namespace kvmtsc
