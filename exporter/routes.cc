#include "exporter/routes.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/version.h"
#include "exporter/api/seen.h"
#include "exporter/http/message.h"
#include "exporter/metrics/families.h"
#include "exporter/metrics/process_families.h"
#include "exporter/page/status_page.h"
#include "exporter/scrape/answer.h"

namespace kvmtsc {
namespace {

using http::Request;
using http::Response;

Response text(int status, std::string body) {
  Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

// What is true at the moment of the scrape, whatever the snapshot.
Families live_families(const RouteSources& sources, ProcessFamilies& process) {
  Families families;
  append_service_families(sources.facts(), families);
  append_build_info(build_info(), families);
  process.append_to(families);
  return families;
}

Response metrics(const RouteSources& sources, ProcessFamilies& process, const Request& request) {
  const SnapshotPtr latest = sources.latest();
  const SnapshotPtr seen = seen_by(request.principal, latest);
  // A login that sees some of the VMs alone shares with nobody.
  const auto rendering =
      seen == latest ? sources.renderings->of(latest) : std::make_shared<const Rendering>(seen);
  return answer_scrape(*rendering, live_families(sources, process), request);
}

std::string why_blind(const Snapshot& snapshot) {
  std::string why;
  for (const CollectorStatus* collector : blind_collectors(snapshot)) {
    why += (why.empty() ? "" : ". ") + collector->name + ": " + collector->error->text();
  }
  return why;
}

Response ready(const SnapshotPtr& snapshot, Nanoseconds interval, MonotonicTime now) {
  if (!snapshot) {
    return text(503, "not ready: the first sweep has not ended\n");
  }
  const Nanoseconds age = now - snapshot->taken;
  if (age > std::max<Nanoseconds>(3 * interval, std::chrono::seconds(10))) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(age).count();
    return text(503, "not ready: the last sweep ended " + std::to_string(seconds) + " s ago\n");
  }
  switch (vms_known(*snapshot)) {
    case VmsKnown::kNone:
      return text(503, "not ready: VMs cannot be listed. " + why_blind(*snapshot) + "\n");
    case VmsKnown::kSome:
      return text(200, "ready, but not all VMs can be listed. " + why_blind(*snapshot) + "\n");
    case VmsKnown::kAll:
      break;
  }
  return text(200, "ready\n");
}

Response reloaded(const Result<std::string>& outcome) {
  return outcome ? text(200, *outcome + "\n")
                 : http::problem(422, "The running configuration stays. " + outcome.error().text());
}

Response page(const SnapshotPtr& snapshot) {
  Response response = text(200, status_page(snapshot.get(), build_info().version));
  response.content_type = "text/html; charset=utf-8";
  response.headers.emplace_back("Content-Security-Policy",
                                "default-src 'none'; style-src 'unsafe-inline'");
  return response;
}

}  // namespace

http::Router make_routes(const RouteSources& sources) {
  http::Router router;
  router.add("GET", "/metrics",
             [sources, process = std::make_shared<ProcessFamilies>(*sources.clock)](
                 const Request& request) { return metrics(sources, *process, request); });
  router.add("GET", "/-/healthy", [](const Request&) { return text(200, "healthy\n"); });
  router.add("GET", "/-/ready", [sources](const Request&) {
    return ready(sources.latest(), sources.sweep_interval(), sources.clock->monotonic());
  });
  router.add("POST", "/-/reload", [sources](const Request&) { return reloaded(sources.reload()); });
  router.add("GET", "/", [sources](const Request& request) {
    return page(seen_by(request.principal, sources.latest()));
  });
  return router;
}

}  // namespace kvmtsc
