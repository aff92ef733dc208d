// TlsContext: the server's side of TLS, made of PEM files. A file that changes is read again when
// refresh() is called and at the next handshake, at most once a second; if the new one cannot be
// used the old one stays. Handshakes may be at once in any threads.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace kvmtsc::http {

enum class ClientCertificates { kNone, kRequest, kRequireAny, kVerifyIfGiven, kRequireAndVerify };

struct TlsOptions {
  std::string certificate_file;  // with its chain
  std::string key_file;
  ClientCertificates client_certificates = ClientCertificates::kNone;
  std::string client_ca_file;
  bool only_1_3 = false;  // otherwise TLS 1.2 as well
};

class TlsContext {
 public:
  // What came of a changed file: it is served from now on, or why not. Said once for each change.
  using Report = std::function<void(const Status&)>;

  // kPermission, kNotFound or kInvalid with the file's name. `report` is called in any thread.
  static Result<std::unique_ptr<TlsContext>> make(const TlsOptions& options, Report report);
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
