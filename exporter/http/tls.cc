#include "exporter/http/tls.h"

#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <mutex>
#include <utility>
#include <vector>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include "base/file.h"

namespace kvmtsc::http {
namespace {

constexpr std::size_t kMostPem = std::size_t{1024} * 1024;
constexpr std::array<unsigned char, 4> kSessionsOf{'h', 't', 't', 'p'};

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Context = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;

// What one reading of the two files gave.
struct Identity {
  Certificate certificate;
  std::vector<Certificate> chain;
  Key key;
};

Error openssl_error(const std::string& what) {
  const unsigned long code = ERR_peek_last_error();
  const char* const reason = ERR_reason_error_string(code);
  ERR_clear_error();
  return Error{ErrorKind::kInvalid, what + (reason == nullptr ? "" : std::string(": ") + reason),
               "see docs/security.md"};
}

// A PEM file's text, for OpenSSL itself says of any file that it cannot read "system lib".
Result<std::string> read_pem(const std::string& path) {
  auto text = read_file(path, kMostPem);
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

std::optional<RealTime> end_of(const X509& certificate) {
  tm utc{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &utc) != 1) {
    return std::nullopt;
  }
  return RealTime{std::chrono::seconds(::timegm(&utc))};
}

Result<std::shared_ptr<const Identity>> load(const TlsOptions& options) {
  auto identity = std::make_shared<Identity>();
  const auto certificate_text = read_pem(options.certificate_file);
  if (!certificate_text) {
    return certificate_text.error();
  }
  const Bio certificates = bio_of(*certificate_text);
  identity->certificate.reset(PEM_read_bio_X509_AUX(certificates.get(), nullptr, nullptr, nullptr));
  if (!identity->certificate) {
    return openssl_error(options.certificate_file + ": no certificate in it");
  }
  while (X509* const next = PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr)) {
    identity->chain.emplace_back(next);
  }
  ERR_clear_error();  // the end of the file
  const auto key_text = read_pem(options.key_file);
  if (!key_text) {
    return key_text.error();
  }
  const Bio key = bio_of(*key_text);
  // No pass phrase: nobody is there to type one.
  identity->key.reset(PEM_read_bio_PrivateKey(
      key.get(), nullptr, [](char*, int, int, void*) { return 0; }, nullptr));
  if (!identity->key) {
    return openssl_error(options.key_file + ": no private key without a pass phrase in it");
  }
  if (X509_check_private_key(identity->certificate.get(), identity->key.get()) != 1) {
    return openssl_error(options.key_file + " is not the key of " + options.certificate_file);
  }
  return std::shared_ptr<const Identity>(std::move(identity));
}

// Which file it is and when it was written.
struct Version {
  dev_t device = 0;
  ino_t inode = 0;
  timespec modified{};
  friend bool operator==(const Version& a, const Version& b) {
    return a.device == b.device && a.inode == b.inode && a.modified.tv_sec == b.modified.tv_sec &&
           a.modified.tv_nsec == b.modified.tv_nsec;
  }
};

Version version_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return {};
  }
  return {status.st_dev, status.st_ino, status.st_mtim};
}

int verify_mode(ClientCertificates wanted) {
  switch (wanted) {
    case ClientCertificates::kNone:
      return SSL_VERIFY_NONE;
    case ClientCertificates::kRequest:
    case ClientCertificates::kVerifyIfGiven:
      return SSL_VERIFY_PEER;
    case ClientCertificates::kRequireAny:
    case ClientCertificates::kRequireAndVerify:
      return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }
  return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
}

int accept_any(int /*verified*/, X509_STORE_CTX* /*chain*/) {
  return 1;
}

}  // namespace

class TlsContext::Impl {
 public:
  Impl(TlsOptions options, Report report)
      : options_(std::move(options)), report_(std::move(report)) {}

  Status start() {
    certificate_version_ = version_of(options_.certificate_file);
    key_version_ = version_of(options_.key_file);
    auto loaded = load(options_);
    if (!loaded) {
      return loaded.error();
    }
    identity_ = *std::move(loaded);
    context_.reset(SSL_CTX_new(TLS_server_method()));
    if (!context_) {
      return openssl_error("TLS");
    }
    SSL_CTX* const context = context_.get();
    SSL_CTX_set_min_proto_version(context, options_.only_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    // Tickets are still given out, and OpenSSL ends the handshake of one who brings his back where
    // client certificates are asked for and sessions do not say whose they are
    // (SSL_CTX_set_session_id_context(3)).
    SSL_CTX_set_session_id_context(context, kSessionsOf.data(), kSessionsOf.size());
    SSL_CTX_set_cert_cb(context, &Impl::choose_certificate, this);
    const bool unverified = options_.client_certificates == ClientCertificates::kRequest ||
                            options_.client_certificates == ClientCertificates::kRequireAny;
    SSL_CTX_set_verify(context, verify_mode(options_.client_certificates),
                       unverified ? &accept_any : nullptr);
    if (!options_.client_ca_file.empty()) {
      if (const auto readable = read_pem(options_.client_ca_file); !readable) {
        return readable.error();
      }
      const char* const file = options_.client_ca_file.c_str();
      if (SSL_CTX_load_verify_locations(context, file, nullptr) != 1) {
        return openssl_error(options_.client_ca_file);
      }
      SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(file));
    }
    return ok_status();
  }

  SSL_CTX* handle() const { return context_.get(); }

  void refresh() {
    const std::lock_guard lock(mutex_);
    look();
  }

  std::optional<RealTime> not_after() const {
    const std::lock_guard lock(mutex_);
    return end_of(*identity_->certificate);
  }

 private:
  static int choose_certificate(SSL* connection, void* self) {
    const auto identity = static_cast<Impl*>(self)->newest();
    STACK_OF(X509)* const chain = sk_X509_new_null();
    for (const Certificate& one : identity->chain) {
      sk_X509_push(chain, one.get());
    }
    const bool set = SSL_use_certificate(connection, identity->certificate.get()) == 1 &&
                     SSL_use_PrivateKey(connection, identity->key.get()) == 1 &&
                     SSL_set1_chain(connection, chain) == 1;
    sk_X509_free(chain);
    return set ? 1 : 0;
  }

  std::shared_ptr<const Identity> newest() {
    const std::lock_guard lock(mutex_);
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    if (now.tv_sec != looked_) {
      looked_ = now.tv_sec;
      look();
    }
    return identity_;
  }

  // With mutex_ held.
  void look() {
    const Version certificate = version_of(options_.certificate_file);
    const Version key = version_of(options_.key_file);
    if (certificate == certificate_version_ && key == key_version_) {
      return;
    }
    certificate_version_ = certificate;
    key_version_ = key;
    auto loaded = load(options_);
    if (!loaded) {
      report_(loaded.error());
      return;
    }
    identity_ = *std::move(loaded);
    report_(ok_status());
  }

  const TlsOptions options_;
  const Report report_;
  Context context_;

  mutable std::mutex mutex_;
  std::shared_ptr<const Identity> identity_;  // guarded by mutex_, as all below
  Version certificate_version_;
  Version key_version_;
  time_t looked_ = 0;
};

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;

Result<std::unique_ptr<TlsContext>> TlsContext::make(const TlsOptions& options, Report report) {
  auto impl = std::make_unique<Impl>(options, std::move(report));
  if (auto started = impl->start(); !started) {
    return started.error();
  }
  return std::unique_ptr<TlsContext>(new TlsContext(std::move(impl)));
}

void* TlsContext::handle() const {
  return impl_->handle();
}

void TlsContext::refresh() {
  impl_->refresh();
}

std::optional<RealTime> TlsContext::not_after() const {
  return impl_->not_after();
}

}  // namespace kvmtsc::http
