#include "exporter/http/tls_protocol.h"

#include <openssl/ssl.h>

#include "base/join.h"
#include "exporter/http/pem.h"

namespace kvmtsc::http {
namespace {

int openssl_version(int version) {
  switch (version) {
    case 10:
      return TLS1_VERSION;
    case 11:
      return TLS1_1_VERSION;
    case 12:
      return TLS1_2_VERSION;
    default:
      return TLS1_3_VERSION;
  }
}

}  // namespace

Status set_protocol(SSL_CTX* context, const TlsProtocol& protocol) {
  if (protocol.min_version < 12) {
    SSL_CTX_set_security_level(context, 0);
  }
  if (SSL_CTX_set_min_proto_version(context, openssl_version(protocol.min_version)) != 1 ||
      SSL_CTX_set_max_proto_version(context, openssl_version(protocol.max_version)) != 1) {
    return openssl_error("the versions of TLS");
  }
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  if (protocol.prefer_own_order) {
    SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE);
  }
  if (!protocol.ciphers.empty() &&
      SSL_CTX_set_cipher_list(context, join(protocol.ciphers, ":").c_str()) != 1) {
    return openssl_error("cipher_suites");
  }
  if (!protocol.groups.empty() &&
      SSL_CTX_set1_groups_list(context, join(protocol.groups, ":").c_str()) != 1) {
    return openssl_error("curve_preferences");
  }
  return ok_status();
}

}  // namespace kvmtsc::http
