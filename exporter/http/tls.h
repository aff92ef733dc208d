// TlsContext: the server's side of TLS, made of PEM. A file that changes is read again when
// refresh() is called and at the next handshake, at most once a second; if the new one cannot be
// used the old one stays. Handshakes may be at once in any threads.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/result.h"
#include "exporter/http/pem.h"
#include "exporter/http/tls_clients.h"
#include "exporter/http/tls_identity.h"
#include "exporter/http/tls_protocol.h"

namespace kvmtsc::http {

struct TlsOptions {
  PemSource certificate;  // with its chain
  PemSource key;
  TlsClients clients;
  TlsProtocol protocol;
};

class TlsContext {
 public:
  // kPermission, kNotFound or kInvalid with the source's name.
  static Result<std::unique_ptr<TlsContext>> make(const TlsOptions& options,
                                                  TlsIdentity::Report report);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // An SSL_CTX*, owned by this.
  void* handle() const;

  // Looks whether the files have changed. Reads them if so.
  void refresh();

  // Until when the certificate that is served is valid. Absent where it gives no such date.
  std::optional<RealTime> not_after() const;

 private:
  class Impl;
  explicit TlsContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kvmtsc::http
