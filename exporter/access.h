// Access: who may reach the service over HTTP, as the web configuration file has it. configure()
// and keep_watch() by one thread at a time, the rest by any.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/web_config.h"
#include "exporter/http/authenticator.h"
#include "exporter/http/rate_limit.h"
#include "exporter/http/server.h"
#include "exporter/periodically.h"

namespace kvmtsc {

// kRefused where a login is required and nobody could have one: no user, no token, and among the
// `listen` addresses no unix socket, over which root needs none.
Status somebody_gets_in(const WebConfig& config, const std::vector<std::string>& listen);

// Failed logins and changed certificates are lines of the log.
class Access {
 public:
  explicit Access(const Clock& clock);

  // Takes over logins and the rate limit at once. TLS and headers are those of the first call:
  // their files are read again when they change, which files they are takes a restart
  // (needs_restart()).
  Status configure(const WebConfig& config);

  // From now on, looks once a second in a thread of its own whether a certificate has changed and
  // whether somebody is limited no longer.
  void keep_watch();
  // The former at once.
  void refresh_certificate();

  // What of `config` differs from the first one and is not taken over: "tls_server_config".
  std::vector<std::string> needs_restart(const WebConfig& config) const;

  // Sets what a server needs; this outlives it.
  void equip(http::ServerOptions& options);

  // Whether ports speak TLS.
  bool has_tls() const { return tls_ != nullptr; }

  const http::LoginLimits& logins() const { return authenticator_.limits(); }
  const http::RateLimit& rate_limit() const { return rate_limit_; }

  // Until when the certificate is valid; absent without TLS.
  std::optional<RealTime> certificate_not_after() const;

 private:
  http::RateLimit rate_limit_;
  http::Authenticator authenticator_;
  std::unique_ptr<http::TlsContext> tls_;
  std::optional<WebTls> tls_settings_;
  std::vector<http::Header> headers_;
  bool configured_ = false;
  std::optional<Periodically> watch_;  // last: it ends before what it looks at
};

}  // namespace kvmtsc
