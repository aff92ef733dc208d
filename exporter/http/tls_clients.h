// TlsClients: which certificates a server asks of its clients, and which it takes.
#pragma once

#include <string>
#include <vector>

#include <openssl/types.h>

#include "base/result.h"
#include "exporter/http/pem.h"

namespace kvmtsc::http {

enum class ClientCertificates { kNone, kRequest, kRequireAny, kVerifyIfGiven, kRequireAndVerify };

struct TlsClients {
  ClientCertificates certificates = ClientCertificates::kNone;
  PemSource authority;  // who is believed; those that the host believes where none is given
  // One of these has to be on the certificate, as its subject_names() are; then there has to be one
  // wherever one is asked for. Empty for any.
  std::vector<std::string> allowed_names;
};

// The subject alternative names (RFC 5280, 4.2.1.6) that are DNS names, e-mail addresses, URIs and
// IP addresses ("192.0.2.1", "2001:db8::1"). None where they cannot be read.
std::vector<std::string> subject_names(const X509& certificate);

// `clients` has to outlive `context`. Errors are read_certificates()'.
Status set_clients(SSL_CTX* context, const TlsClients& clients);

}  // namespace kvmtsc::http
