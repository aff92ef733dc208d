#include "exporter/http/pem.h"

#include <unistd.h>

#include <utility>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/file.h"

namespace kvmtsc::http {
namespace {

constexpr std::size_t kMostPem = std::size_t{1024} * 1024;

using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;

// By us, for OpenSSL itself says of any file that it cannot read "system lib".
Result<std::string> read_text(const PemSource& source) {
  if (source.text) {
    return *source.text;
  }
  auto text = read_file(source.name, kMostPem);
  if (text) {
    return text;
  }
  Error error = text.error();
  if (error.kind == ErrorKind::kPermission) {
    error.remedy = "let the user of this service (uid " + std::to_string(::geteuid()) +
                   ") read it, by its group for instance";
  } else if (error.kind == ErrorKind::kNotFound) {
    error.remedy =
        "tls_server_config of the web configuration names it; paths there are relative "
        "to that file";
  }
  return error;
}

Bio bio_of(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

}  // namespace

Error openssl_error(const std::string& what) {
  const unsigned long code = ERR_peek_last_error();
  const char* const reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return Error{ErrorKind::kInvalid, what + (reason == nullptr ? "" : std::string(": ") + reason),
               "see docs/security.md"};
}

PemVersion version_of(const PemSource& source) {
  struct stat status {};
  if (source.text || ::stat(source.name.c_str(), &status) != 0) {
    return {};
  }
  return {status.st_dev, status.st_ino, status.st_mtim};
}

Result<std::vector<Certificate>> read_certificates(const PemSource& source) {
  const auto text = read_text(source);
  if (!text) {
    return text.error();
  }
  const Bio bio = bio_of(*text);
  std::vector<Certificate> certificates;
  while (X509* const next = PEM_read_bio_X509_AUX(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(next);
  }
  if (certificates.empty()) {
    return openssl_error(source.name + ": no certificate in it");
  }
  ERR_clear_error();  // the end of the text
  return certificates;
}

Result<Key> read_key(const PemSource& source) {
  const auto text = read_text(source);
  if (!text) {
    return text.error();
  }
  const Bio bio = bio_of(*text);
  Key key(PEM_read_bio_PrivateKey(
      bio.get(), nullptr, [](char*, int, int, void*) { return 0; }, nullptr));
  if (!key) {
    return openssl_error(source.name + ": no private key without a pass phrase in it");
  }
  return key;
}

}  // namespace kvmtsc::http
