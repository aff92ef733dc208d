#include "tests/integration/prometheus_server.h"

#include <cctype>
#include <optional>
#include <string_view>
#include <utility>

#include "tests/fakes/http_client.h"
#include "tests/integration/eventually.h"
#include "tests/integration/free_port.h"
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

std::string percent_encode(const std::string& text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kHex[byte >> 4];
      encoded += kHex[byte & 0xf];
    }
  }
  return encoded;
}

// By HTTP/1.0, for Prometheus chunks longer answers to HTTP/1.1.
std::optional<fakes::HttpReply> get(std::uint16_t port, const std::string& target) {
  fakes::HttpConnection connection("127.0.0.1:" + std::to_string(port));
  if (!connection.connected() ||
      !connection.send("GET " + target + " HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")) {
    return std::nullopt;
  }
  return connection.receive();
}

}  // namespace

Result<std::unique_ptr<PrometheusServer>> PrometheusServer::start(std::uint16_t target_port) {
  auto server = std::make_unique<PrometheusServer>();
  const auto port = free_port();
  if (!port) {
    return port.error();
  }
  server->port_ = *port;
  const TemporaryDirectory& directory = server->directory_;
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
    const auto reply = get(*port, "/-/ready");
    return reply && reply->status == 200;
  });
  if (!ready) {
    return Error{ErrorKind::kTimeout,
                 "prometheus is not ready; its stderr:\n" + server->process_->error_output(), ""};
  }
  return server;
}

Result<nlohmann::json> PrometheusServer::query(const std::string& promql) const {
  const auto reply = get(port_, "/api/v1/query?query=" + percent_encode(promql));
  if (!reply) {
    return Error{ErrorKind::kTimeout, "prometheus gives no answer to " + promql, ""};
  }
  auto answer = nlohmann::json::parse(reply->body, nullptr, false);
  if (reply->status != 200 || answer.is_discarded() || answer["status"] != "success") {
    return Error{ErrorKind::kInvalid, promql + ": " + reply->body, ""};
  }
  return answer["data"]["result"];
}

}  // namespace kvmtsc::integration
