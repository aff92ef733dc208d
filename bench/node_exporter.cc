#include "bench/node_exporter.h"

#include <string>
#include <utility>

#include "tests/fakes/http_client.h"
#include "tests/integration/eventually.h"
#include "tests/integration/free_port.h"
#include "tests/integration/paths.h"

namespace kvmtsc::bench {

Result<NodeExporter> NodeExporter::start() {
  const auto port = integration::free_port();
  if (!port) {
    return port.error();
  }
  auto process =
      integration::Process::start({integration::prometheus_program("prometheus-node-exporter"),
                                   "--web.listen-address=127.0.0.1:" + std::to_string(*port)});
  if (!process) {
    return process.error();
  }
  const bool answers = integration::eventually(std::chrono::seconds(10), [&] {
    const auto reply = fakes::http_get("127.0.0.1:" + std::to_string(*port), "/metrics");
    return reply && reply->status == 200;
  });
  if (!answers) {
    return Error{
        ErrorKind::kTimeout,
        "prometheus-node-exporter does not answer; its stderr:\n" + (*process)->error_output(),
        {}};
  }
  return NodeExporter(*std::move(process), *port);
}

}  // namespace kvmtsc::bench
