#include "exporter/access.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "exporter/log/log.h"
#include "exporter/tls_options.h"

namespace kvmtsc {
namespace {

constexpr std::chrono::seconds kBetweenLooks{1};

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

std::optional<WebTls> tls_of(const WebConfig& config) {
  return config.has_tls ? std::optional{config.tls} : std::nullopt;
}

std::string seconds_of(Nanoseconds wait) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(wait).count());
}

void log_login(const http::LoginNews& news) {
  log::Fields fields{{"client", news.client}, {"name", news.name.empty() ? "(token)" : news.name}};
  switch (news.what) {
    case http::LoginNews::What::kFailed:
      log::warn("login failed", fields);
      return;
    case http::LoginNews::What::kLimited:
      fields.emplace_back("failures", std::to_string(news.failures));
      fields.emplace_back("seconds", seconds_of(news.wait));
      log::warn("logins limited", fields);
      return;
    case http::LoginNews::What::kEnded:
      fields.emplace_back("failures", std::to_string(news.failures));
      fields.emplace_back("not_looked_at", std::to_string(news.unseen));
      log::info("failed logins no longer count", fields);
      return;
  }
}

void log_certificate(const std::string& file, const Status& outcome) {
  if (outcome) {
    log::info("TLS certificate read again", {{"file", file}});
  } else {
    log::warn("the changed TLS certificate cannot be used, the old one stays",
              log::with_error({{"file", file}}, outcome.error()));
  }
}

}  // namespace

Status somebody_gets_in(const WebConfig& config, const std::vector<std::string>& listen) {
  const bool root_does = std::ranges::any_of(
      listen, [](const std::string& address) { return address.starts_with("unix:"); });
  if (!config.require_auth || !config.users.empty() || !config.tokens.empty() || root_does) {
    return ok_status();
  }
  return Error{ErrorKind::kRefused,
               "require_auth is set and there is neither a user nor a token: nobody could log in",
               "add one under basic_auth_users or kvm_tsc.tokens (docs/security.md), or a "
               "web.listen_address unix:PATH for root; a client certificate is no login"};
}

Access::Access(const Clock& clock) : rate_limit_(clock), authenticator_(clock, log_login) {}

Status Access::configure(const WebConfig& config) {
  if (!configured_ && config.has_tls) {
    const http::TlsOptions options = tls_options(config.tls);
    auto tls =
        http::TlsContext::make(options, [name = options.certificate.name](const Status& outcome) {
          log_certificate(name, outcome);
        });
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
  rate_limit_.set({config.rate_limit.interval, config.rate_limit.burst});
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

void Access::keep_watch() {
  watch_.emplace(kBetweenLooks, [this] {
    refresh_certificate();
    authenticator_.limits().tidy();
  });
}

void Access::refresh_certificate() {
  if (tls_ != nullptr) {
    tls_->refresh();
  }
}

std::optional<RealTime> Access::certificate_not_after() const {
  return tls_ == nullptr ? std::nullopt : tls_->not_after();
}

void Access::equip(http::ServerOptions& options) {
  options.tls = tls_.get();
  options.headers = headers_;
  // Before a password is looked at, which costs more than most answers.
  options.admit = [this](http::Request& request) {
    auto refusal = rate_limit_.admit(request);
    return refusal ? std::move(refusal) : authenticator_.admit(request);
  };
}

}  // namespace kvmtsc
