#include "exporter/http/tls_identity.h"

#include <chrono>
#include <string>
#include <utility>

#include <openssl/ssl.h>

namespace kvmtsc::http {
namespace {

// OpenSSL judges keys and signatures (SSL_CTX_set_security_level(3)) when they are used: at a
// handshake, which would be late.
Status is_strong_enough(const std::vector<Certificate>& certificates, const std::string& name) {
  const std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>> context(SSL_CTX_new(TLS_server_method()));
  bool strong = context && SSL_CTX_use_certificate(context.get(), certificates[0].get()) == 1;
  for (std::size_t i = 1; strong && i < certificates.size(); ++i) {
    strong = SSL_CTX_add1_chain_cert(context.get(), certificates[i].get()) == 1;
  }
  return strong ? ok_status() : Status(openssl_error(name));
}

Result<std::shared_ptr<const TlsPair>> load(const PemSource& certificate, const PemSource& key) {
  auto certificates = read_certificates(certificate);
  if (!certificates) {
    return certificates.error();
  }
  auto private_key = read_key(key);
  if (!private_key) {
    return private_key.error();
  }
  if (X509_check_private_key(certificates->front().get(), private_key->get()) != 1) {
    return openssl_error(key.name + " is not the key of " + certificate.name);
  }
  if (auto strong = is_strong_enough(*certificates, certificate.name); !strong) {
    return strong.error();
  }
  auto pair = std::make_shared<TlsPair>();
  pair->certificates = *std::move(certificates);
  pair->key = *std::move(private_key);
  return std::shared_ptr<const TlsPair>(std::move(pair));
}

}  // namespace

TlsIdentity::TlsIdentity(PemSource certificate, PemSource key, Report report)
    : certificate_(std::move(certificate)), key_(std::move(key)), report_(std::move(report)) {}

Status TlsIdentity::start() {
  const std::lock_guard lock(mutex_);
  certificate_version_ = version_of(certificate_);
  key_version_ = version_of(key_);
  auto loaded = load(certificate_, key_);
  if (!loaded) {
    return loaded.error();
  }
  pair_ = *std::move(loaded);
  return ok_status();
}

void TlsIdentity::refresh() {
  const std::lock_guard lock(mutex_);
  look();
}

std::shared_ptr<const TlsPair> TlsIdentity::newest() {
  const std::lock_guard lock(mutex_);
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  if (now.tv_sec != looked_) {
    looked_ = now.tv_sec;
    look();
  }
  return pair_;
}

void TlsIdentity::look() {
  const PemVersion certificate = version_of(certificate_);
  const PemVersion key = version_of(key_);
  if (certificate == certificate_version_ && key == key_version_) {
    return;
  }
  certificate_version_ = certificate;
  key_version_ = key;
  auto loaded = load(certificate_, key_);
  if (!loaded) {
    report_(loaded.error());
    return;
  }
  pair_ = *std::move(loaded);
  report_(ok_status());
}

std::optional<RealTime> TlsIdentity::not_after() const {
  const std::lock_guard lock(mutex_);
  tm utc{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(pair_->certificates.front().get()), &utc) != 1) {
    return std::nullopt;
  }
  return RealTime{std::chrono::seconds(::timegm(&utc))};
}

}  // namespace kvmtsc::http
