#include "tests/integration/prometheus_server.h"

#include <utility>

#include "tests/integration/eventually.h"
#include "tests/integration/http_client.h"
#include "tests/integration/paths.h"

namespace kvmtsc::integration {
namespace {

constexpr Milliseconds kPatience{15000};

std::string config_for(std::uint16_t target_port) {
  return "global:\n"
         "  scrape_interval: 1s\n"
         "  scrape_timeout: 1s\n"
         "scrape_configs:\n"
         "  - job_name: kvm-tsc\n"
         "    static_configs:\n"
         "      - targets: ['127.0.0.1:" +
         std::to_string(target_port) + "']\n";
}

}  // namespace

Result<std::unique_ptr<PrometheusServer>> PrometheusServer::start(std::uint16_t target_port) {
  auto server = std::make_unique<PrometheusServer>();
  const auto port = free_port();
  if (!port) {
    return port.error();
  }
  server->port_ = *port;
  const TempDir& directory = server->directory_;
  auto process =
      Process::start({prometheus_program("prometheus"),
                      "--config.file=" + directory.write("prometheus.yml", config_for(target_port)),
                      "--storage.tsdb.path=" + directory.path() + "/data",
                      "--web.listen-address=127.0.0.1:" + std::to_string(*port)});
  if (!process) {
    return process.error();
  }
  server->process_ = std::move(*process);
  const bool ready = eventually(kPatience, [&] {
    const auto reply = http_request(*port, {"GET", "/-/ready", {}, ""});
    return reply && reply->status == 200;
  });
  if (!ready) {
    return Error{ErrorKind::kTimeout,
                 "prometheus is not ready; its stderr:\n" + server->process_->error_output(), ""};
  }
  return server;
}

Result<nlohmann::json> PrometheusServer::query(const std::string& promql) const {
  const auto reply =
      http_request(port_, {"GET", "/api/v1/query?query=" + percent_encode(promql), {}, ""});
  if (!reply) {
    return reply.error();
  }
  auto answer = nlohmann::json::parse(reply->body, nullptr, false);
  if (reply->status != 200 || answer.is_discarded() || answer["status"] != "success") {
    return Error{ErrorKind::kInvalid, promql + ": " + reply->body, ""};
  }
  return answer["data"]["result"];
}

}  // namespace kvmtsc::integration
