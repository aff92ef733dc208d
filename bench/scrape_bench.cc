#include "bench/scrape_bench.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/parse.h"
#include "bench/node_exporter.h"
#include "bench/service.h"
#include "bench/statistics.h"
#include "bench/stopwatch.h"
#include "tests/fakes/http_client.h"
#include "tests/integration/requirements.h"

namespace kvmtsc::bench {
namespace {

constexpr std::size_t kScrapes = 500;
constexpr double kScrapeLimit = 20;  // ms
constexpr double kSeriesLimit = 1;
constexpr double kMemoryLimit = 40;  // MiB
constexpr double kMilli = 1e3;
constexpr double kMicro = 1e6;
constexpr double kMiB = 1024.0 * 1024.0;

Result<fakes::HttpReply> get_metrics(std::uint16_t port, const fakes::Headers& headers) {
  const std::string address = "127.0.0.1:" + std::to_string(port);
  auto reply = fakes::http_get(address, "/metrics", headers);
  if (!reply) {
    return Error{ErrorKind::kTimeout, address + "/metrics does not answer", {}};
  }
  if (reply->status != 200) {
    return Error{ErrorKind::kInvalid, "/metrics: status " + std::to_string(reply->status), {}};
  }
  return *std::move(reply);
}

// One exporter, asked in one way.
struct Target {
  std::uint16_t port = 0;
  fakes::Headers headers;
  double series = 0;  // that it serves
  Measurements seconds;

  double micros_per_series() const { return seconds.median() * kMicro / series; }
};

Result<Target> make_target(std::uint16_t port, fakes::Headers headers) {
  const auto reply = get_metrics(port, {});
  if (!reply) {
    return reply.error();
  }
  const auto lines = split(reply->body, '\n');
  const auto series = std::ranges::count_if(
      lines, [](std::string_view line) { return !line.empty() && line.front() != '#'; });
  return Target{port, std::move(headers), static_cast<double>(series), {}};
}

Status scrape(Target& target) {
  const Stopwatch watch;
  const auto reply = get_metrics(target.port, target.headers);
  target.seconds.add(watch.seconds());
  return reply ? ok_status() : Status(reply.error());
}

// `baseline` may be absent.
Status scrape_in_turn(Target& ours, Target* baseline) {
  for (std::size_t round = 0; round < kScrapes; ++round) {
    if (auto scraped = scrape(ours); !scraped) {
      return scraped;
    }
    if (baseline == nullptr) {
      continue;
    }
    if (auto scraped = scrape(*baseline); !scraped) {
      return scraped;
    }
  }
  return ok_status();
}

void report(const std::string& how, const Target& ours, const Target* node, Results& results) {
  results.add({"scrape, " + how + ", p50", "ms", ours.seconds.median() * kMilli, {}, {}, {}});
  results.add(
      {"scrape, " + how + ", p99", "ms", ours.seconds.p99() * kMilli, {}, kScrapeLimit, {}});
  const std::string row = "scrape, " + how + ", a series, p50 (baseline: node exporter)";
  if (node == nullptr) {
    results.skip(row, *integration::missing_prometheus("prometheus-node-exporter"));
    return;
  }
  results.add({row, "us", ours.micros_per_series(), node->micros_per_series(), kSeriesLimit, {}});
}

Status measure(const std::string& how, const fakes::Headers& headers, std::uint16_t our_port,
               const std::optional<NodeExporter>& node_exporter, Results& results) {
  auto ours = make_target(our_port, headers);
  if (!ours) {
    return ours.error();
  }
  std::optional<Target> node;
  if (node_exporter) {
    auto target = make_target(node_exporter->port(), headers);
    if (!target) {
      return target.error();
    }
    node = *std::move(target);
  }
  Target* const baseline = node ? &*node : nullptr;
  if (auto scraped = scrape_in_turn(*ours, baseline); !scraped) {
    return scraped;
  }
  report(how, *ours, baseline, results);
  results.note("scrapes, " + how,
               std::to_string(kScrapes) + " of each in turn, " +
                   std::to_string(static_cast<std::size_t>(ours->series)) + " series of ours" +
                   (node ? ", " + std::to_string(static_cast<std::size_t>(node->series)) +
                               " of the node exporter"
                         : ""));
  return ok_status();
}

Status measure_memory(const integration::Exporter& service, Results& results) {
  const auto samples = service.metrics();
  if (!samples) {
    return samples.error();
  }
  const auto bytes = samples->value("process_resident_memory_bytes");
  if (!bytes) {
    return Error{ErrorKind::kInvalid, "no process_resident_memory_bytes", {}};
  }
  results.add({"resident memory after the scrapes", "MiB", *bytes / kMiB, {}, kMemoryLimit, {}});
  return ok_status();
}

}  // namespace

Status measure_scrapes(const std::string& debugfs, std::size_t vcpus, Results& results) {
  std::optional<NodeExporter> node;
  if (!integration::missing_prometheus("prometheus-node-exporter")) {
    auto started = NodeExporter::start();
    if (!started) {
      return started.error();
    }
    node.emplace(*std::move(started));
  }
  const auto service = start_service(debugfs, vcpus);
  if (!service) {
    return service.error();
  }
  const std::uint16_t port = (*service)->port();
  if (auto measured = measure("plain", {}, port, node, results); !measured) {
    return measured;
  }
  if (auto measured = measure("gzip", {{"Accept-Encoding", "gzip"}}, port, node, results);
      !measured) {
    return measured;
  }
  return measure_memory(**service, results);
}

}  // namespace kvmtsc::bench
