#include "exporter/http/tls.h"

#include <array>
#include <utility>

#include <openssl/ssl.h>

namespace kvmtsc::http {
namespace {

constexpr std::array<unsigned char, 4> kSessionsOf{'h', 't', 't', 'p'};

using Context = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;

}  // namespace

class TlsContext::Impl {
 public:
  Impl(const TlsOptions& options, TlsIdentity::Report report)
      : identity_(options.certificate, options.key, std::move(report)), clients_(options.clients) {}

  Status start(const TlsProtocol& protocol) {
    if (auto started = identity_.start(); !started) {
      return started;
    }
    context_.reset(SSL_CTX_new(TLS_server_method()));
    if (!context_) {
      return openssl_error("TLS");
    }
    SSL_CTX* const context = context_.get();
    if (auto set = set_protocol(context, protocol); !set) {
      return set;
    }
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    // Tickets are still given out, and OpenSSL ends the handshake of one who brings his back where
    // client certificates are asked for and sessions do not say whose they are
    // (SSL_CTX_set_session_id_context(3)).
    SSL_CTX_set_session_id_context(context, kSessionsOf.data(), kSessionsOf.size());
    SSL_CTX_set_cert_cb(context, &Impl::choose_certificate, this);
    return set_clients(context, clients_);
  }

  SSL_CTX* handle() const { return context_.get(); }
  TlsIdentity& identity() { return identity_; }

 private:
  static int choose_certificate(SSL* connection, void* self) {
    const auto pair = static_cast<Impl*>(self)->identity_.newest();
    STACK_OF(X509)* const chain = sk_X509_new_null();
    for (std::size_t i = 1; i < pair->certificates.size(); ++i) {
      sk_X509_push(chain, pair->certificates[i].get());
    }
    const bool set = SSL_use_certificate(connection, pair->certificates.front().get()) == 1 &&
                     SSL_use_PrivateKey(connection, pair->key.get()) == 1 &&
                     SSL_set1_chain(connection, chain) == 1;
    sk_X509_free(chain);
    return set ? 1 : 0;
  }

  TlsIdentity identity_;
  const TlsClients clients_;
  Context context_;
};

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;

Result<std::unique_ptr<TlsContext>> TlsContext::make(const TlsOptions& options,
                                                     TlsIdentity::Report report) {
  auto impl = std::make_unique<Impl>(options, std::move(report));
  if (auto started = impl->start(options.protocol); !started) {
    return started.error();
  }
  return std::unique_ptr<TlsContext>(new TlsContext(std::move(impl)));
}

void* TlsContext::handle() const {
  return impl_->handle();
}

void TlsContext::refresh() {
  impl_->identity().refresh();
}

std::optional<RealTime> TlsContext::not_after() const {
  return impl_->identity().not_after();
}

}  // namespace kvmtsc::http
