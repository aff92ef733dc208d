#include "tests/integration/tls_demo.h"

#include <utility>

#include "tests/integration/certificates.h"
#include "tests/integration/eventually.h"

namespace kvmtsc::integration {
namespace {

constexpr Milliseconds kPatience{10000};
constexpr const char* kTls =
    "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

}  // namespace

Result<std::unique_ptr<TlsDemo>> TlsDemo::start(const std::string& logins) {
  auto demo = std::make_unique<TlsDemo>();
  const TemporaryDirectory& directory = demo->directory_;
  const auto authority = CertificateAuthority::make(directory, "ca");
  const auto server = authority ? authority->issue("server") : authority.error();
  if (!server) {
    return server.error();
  }
  auto client = TlsClient::make({authority->certificate()});
  if (!client) {
    return client.error();
  }
  demo->client_ = *std::move(client);
  directory.write("debugfs/kvm/vm_count", "0\n");
  ExporterOptions options;
  options.flags = {"--demo", "--path.debugfs=" + directory.path() + "/debugfs",
                   "--web.listen-address=" + demo->socket(),
                   "--web.config.file=" + directory.write("web.yml", kTls + logins)};
  auto exporter = Exporter::start(options);
  if (!exporter) {
    return exporter.error();
  }
  demo->exporter_ = *std::move(exporter);
  const auto ready = [&] {
    const auto reply = demo->ask("GET", "/-/ready");
    return reply && reply->status == 200;
  };
  if (!eventually(kPatience, ready)) {
    return Error{ErrorKind::kTimeout, "the demo does not become ready", ""};
  }
  return demo;
}

}  // namespace kvmtsc::integration
