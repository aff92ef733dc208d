// TlsDemo: the demo served over TLS and on a unix socket, with logins of the test's choosing. Its
// host has no VMs of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tests/fakes/http_client.h"
#include "tests/fakes/temporary_directory.h"
#include "tests/integration/exporter.h"
#include "tests/integration/tls_client.h"

namespace kvmtsc::integration {

class TlsDemo {
 public:
  // `logins` is the web configuration without tls_server_config. Returns after the first sweep.
  static Result<std::unique_ptr<TlsDemo>> start(const std::string& logins);

  // Over TLS.
  Result<fakes::HttpReply> ask(std::string_view method, std::string_view target,
                               const fakes::Headers& headers = {},
                               std::string_view body = {}) const {
    return client_->request(port(), method, target, headers, body);
  }
  std::uint16_t port() const { return exporter_->port(); }
  const TlsClient& client() const { return *client_; }
  // What the service has logged until now.
  std::string log() const { return exporter_->process().error_output(); }

  // "unix:PATH", where plain HTTP is spoken.
  std::string socket() const { return "unix:" + directory_.path() + "/socket"; }

 private:
  TemporaryDirectory directory_;
  std::optional<TlsClient> client_;
  std::unique_ptr<Exporter> exporter_;
};

}  // namespace kvmtsc::integration
