#include "exporter/access.h"

#include <utility>

namespace kvmtsc {
namespace {

http::Login login(const std::string& name, const std::string& secret, const WebAccess& access) {
  return {name,
          secret,
          access.role == WebRole::kOperator ? http::Role::kOperator : http::Role::kViewer,
          {access.vms, access.source}};
}

http::Logins logins_of(const WebConfig& config) {
  http::Logins logins;
  logins.require_login = config.require_auth;
  for (const auto& [name, user] : config.users) {
    logins.users.push_back(login(name, user.bcrypt, user.access));
  }
  for (const WebToken& token : config.tokens) {
    logins.tokens.push_back(login(token.name, token.sha256, token.access));
  }
  return logins;
}

http::ClientCertificates client_certificates(ClientAuth wanted) {
  switch (wanted) {
    case ClientAuth::kNone:
      return http::ClientCertificates::kNone;
    case ClientAuth::kRequest:
      return http::ClientCertificates::kRequest;
    case ClientAuth::kRequireAny:
      return http::ClientCertificates::kRequireAny;
    case ClientAuth::kVerifyIfGiven:
      return http::ClientCertificates::kVerifyIfGiven;
    case ClientAuth::kRequireAndVerify:
      return http::ClientCertificates::kRequireAndVerify;
  }
  return http::ClientCertificates::kRequireAndVerify;
}

http::TlsOptions tls_options(const WebTls& tls) {
  return {tls.cert_file, tls.key_file, client_certificates(tls.client_auth), tls.client_ca_file,
          tls.min_version == 13};
}

std::optional<WebTls> tls_of(const WebConfig& config) {
  return config.has_tls ? std::optional{config.tls} : std::nullopt;
}

}  // namespace

Status Access::configure(const WebConfig& config, std::function<void(std::string)> log) {
  if (!configured_ && config.has_tls) {
    auto tls = http::TlsContext::make(tls_options(config.tls), std::move(log));
    if (!tls) {
      return tls.error();
    }
    tls_ = *std::move(tls);
  }
  if (!configured_) {
    tls_settings_ = tls_of(config);
    headers_ = config.headers;
    configured_ = true;
  }
  authenticator_.set(logins_of(config));
  return ok_status();
}

std::vector<std::string> Access::needs_restart(const WebConfig& config) const {
  std::vector<std::string> keys;
  if (tls_of(config) != tls_settings_) {
    keys.emplace_back("tls_server_config");
  }
  if (config.headers != headers_) {
    keys.emplace_back("http_server_config.headers");
  }
  return keys;
}

void Access::equip(http::ServerOptions& options) {
  options.tls = tls_.get();
  options.headers = headers_;
  options.admit = [this](http::Request& request) { return authenticator_.admit(request); };
}

}  // namespace kvmtsc
