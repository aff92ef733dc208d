#include "exporter/http/tls_clients.h"

#include <algorithm>
#include <array>

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace kvmtsc::http {
namespace {

using Names = std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>>;

std::string bytes_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

std::string address_text(const std::string& bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) {
    return "";
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(bytes.size() == 4 ? AF_INET : AF_INET6, bytes.data(), text.data(), text.size());
  return text.data();
}

// Empty where it is of another kind.
std::string text_of(const GENERAL_NAME& name) {
  switch (name.type) {
    case GEN_DNS:
      return bytes_of(name.d.dNSName);
    case GEN_EMAIL:
      return bytes_of(name.d.rfc822Name);
    case GEN_URI:
      return bytes_of(name.d.uniformResourceIdentifier);
    case GEN_IPADD:
      return address_text(bytes_of(name.d.iPAddress));
    default:
      return "";
  }
}

bool verifies(ClientCertificates wanted) {
  return wanted == ClientCertificates::kVerifyIfGiven ||
         wanted == ClientCertificates::kRequireAndVerify;
}

int verify_mode(const TlsClients& clients) {
  if (clients.certificates == ClientCertificates::kNone) {
    return SSL_VERIFY_NONE;
  }
  const bool required = clients.certificates == ClientCertificates::kRequireAny ||
                        clients.certificates == ClientCertificates::kRequireAndVerify ||
                        !clients.allowed_names.empty();
  return SSL_VERIFY_PEER | (required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0);
}

bool is_allowed(const TlsClients& clients, const X509* certificate) {
  const auto& allowed = clients.allowed_names;
  if (allowed.empty()) {
    return true;
  }
  return certificate != nullptr &&
         std::ranges::any_of(subject_names(*certificate), [&](const std::string& name) {
           return std::ranges::find(allowed, name) != allowed.end();
         });
}

// Of a certificate that was given, in the place of OpenSSL's own verification.
int verify(X509_STORE_CTX* chain, void* data) {
  const auto& clients = *static_cast<const TlsClients*>(data);
  if (verifies(clients.certificates) && X509_verify_cert(chain) != 1) {
    return 0;
  }
  const bool allowed = is_allowed(clients, X509_STORE_CTX_get0_cert(chain));
  // The latter is told the client as the alert bad_certificate.
  X509_STORE_CTX_set_error(chain, allowed ? X509_V_OK : X509_V_ERR_HOSTNAME_MISMATCH);
  return allowed ? 1 : 0;
}

// Whom `context` believes, and whom it tells clients that it does.
Status believe(SSL_CTX* context, const PemSource& authority) {
  const auto certificates = read_certificates(authority);
  if (!certificates) {
    return certificates.error();
  }
  for (const Certificate& certificate : *certificates) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get()) != 1 ||
        SSL_CTX_add_client_CA(context, certificate.get()) != 1) {
      return openssl_error(authority.name);
    }
  }
  return ok_status();
}

}  // namespace

std::vector<std::string> subject_names(const X509& certificate) {
  std::vector<std::string> texts;
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(&certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    if (auto text = text_of(*sk_GENERAL_NAME_value(names.get(), i)); !text.empty()) {
      texts.push_back(std::move(text));
    }
  }
  return texts;
}

Status set_clients(SSL_CTX* context, const TlsClients& clients) {
  SSL_CTX_set_verify(context, verify_mode(clients), nullptr);
  SSL_CTX_set_cert_verify_callback(context, &verify, const_cast<TlsClients*>(&clients));
  if (clients.authority.given()) {
    return believe(context, clients.authority);
  }
  if (verifies(clients.certificates) && SSL_CTX_set_default_verify_paths(context) != 1) {
    return openssl_error("the certificate authorities of this host");
  }
  return ok_status();
}

}  // namespace kvmtsc::http
