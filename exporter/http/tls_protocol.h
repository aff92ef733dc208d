// TlsProtocol: which versions of TLS are spoken, by which ciphers and over which curves.
#pragma once

#include <string>
#include <vector>

#include <openssl/types.h>

#include "base/result.h"

namespace kvmtsc::http {

struct TlsProtocol {
  // 10 to 13 for TLS 1.0 to 1.3. Below 12, OpenSSL's security level is 0: a higher one knows no
  // hash that those versions can sign with.
  int min_version = 12;
  int max_version = 13;
  // For TLS 1.2 and older, in OpenSSL's names, the best first; not empty unless only TLS 1.3 is
  // spoken, whose suites are all served.
  std::vector<std::string> ciphers;
  bool prefer_own_order = true;     // of two that both sides know; else the client's
  std::vector<std::string> groups;  // in OpenSSL's names, the best first; empty for its own choice
};

// kInvalid, with OpenSSL's reason, where it does not know one of them.
Status set_protocol(SSL_CTX* context, const TlsProtocol& protocol);

}  // namespace kvmtsc::http
