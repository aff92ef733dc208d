#include "exporter/tls_options.h"

#include <optional>
#include <string>
#include <vector>

#include "config/tls_names.h"

namespace kvmtsc {
namespace {

http::ClientCertificates client_certificates(ClientAuth wanted) {
  switch (wanted) {
    case ClientAuth::kNone:
      return http::ClientCertificates::kNone;
    case ClientAuth::kRequest:
      return http::ClientCertificates::kRequest;
    case ClientAuth::kRequireAny:
      return http::ClientCertificates::kRequireAny;
    case ClientAuth::kVerifyIfGiven:
      return http::ClientCertificates::kVerifyIfGiven;
    case ClientAuth::kRequireAndVerify:
      return http::ClientCertificates::kRequireAndVerify;
  }
  return http::ClientCertificates::kRequireAndVerify;
}

http::PemSource pem(const WebPem& given, const char* key) {
  return given.text.empty() ? http::PemSource{given.file, std::nullopt}
                            : http::PemSource{std::string("tls_server_config.") + key, given.text};
}

std::vector<CipherSuite> suites_of(const WebTls& tls) {
  std::vector<CipherSuite> suites;
  for (const std::string& name : tls.cipher_suites) {
    suites.push_back(*find_cipher_suite(name));
  }
  const auto all = cipher_suites();
  return suites.empty() ? std::vector<CipherSuite>(all.begin(), all.end()) : suites;
}

http::TlsProtocol tls_protocol(const WebTls& tls) {
  http::TlsProtocol protocol;
  protocol.min_version = tls.speaks_below_13() ? tls.min_version : 13;
  protocol.max_version = tls.max_version;
  for (const CipherSuite& suite : suites_of(tls)) {
    if (!suite.tls13) {
      protocol.ciphers.emplace_back(suite.openssl);
    }
  }
  protocol.prefer_own_order = tls.prefer_server_cipher_suites;
  for (const std::string& name : tls.curve_preferences) {
    protocol.groups.emplace_back(find_curve(name)->openssl);
  }
  return protocol;
}

}  // namespace

http::TlsOptions tls_options(const WebTls& tls) {
  return {pem(tls.cert, "cert"),
          pem(tls.key, "key"),
          {client_certificates(tls.client_auth), pem(tls.client_ca, "client_ca"),
           tls.client_allowed_sans},
          tls_protocol(tls)};
}

}  // namespace kvmtsc
