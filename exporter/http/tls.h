// TlsContext: the server's side of TLS, made of PEM files. A file that changes is read again at the
// next handshake, at most once a second; if the new one cannot be used the old one stays.
// Handshakes may be at once in any threads.
#pragma once

#include <functional>
#include <memory>
#include <string>

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
  // kInvalid or the file's error, with the file's name. `log` gets a line when a changed file is
  // taken or refused; any thread.
  static Result<std::unique_ptr<TlsContext>> make(const TlsOptions& options,
                                                  std::function<void(std::string)> log);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;

  // An SSL_CTX*, owned by this.
  void* handle() const;

 private:
  class Impl;
  explicit TlsContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kvmtsc::http
