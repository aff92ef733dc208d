// Access: who may reach the service over HTTP, as the web configuration file has it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/web_config.h"
#include "exporter/http/authenticator.h"
#include "exporter/http/server.h"

namespace kvmtsc {

class Access {
 public:
  explicit Access(const Clock& clock) : authenticator_(clock) {}

  // Takes over logins at once. TLS and headers are those of the first call: their files are read
  // again when they change, which files they are takes a restart (needs_restart()).
  Status configure(const WebConfig& config, std::function<void(std::string)> log);

  // What of `config` differs from the first one and is not taken over: "tls_server_config".
  std::vector<std::string> needs_restart(const WebConfig& config) const;

  // Sets what a server needs; this outlives it.
  void equip(http::ServerOptions& options);

  // Whether ports speak TLS.
  bool has_tls() const { return tls_ != nullptr; }

  std::uint64_t failures() const { return authenticator_.failures(); }

 private:
  http::Authenticator authenticator_;
  std::unique_ptr<http::TlsContext> tls_;
  std::optional<WebTls> tls_settings_;
  std::vector<http::Header> headers_;
  bool configured_ = false;
};

}  // namespace kvmtsc
