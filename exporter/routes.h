// The service's pages: which path shows what.
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "exporter/http/router.h"
#include "exporter/metrics/service_families.h"
#include "exporter/scrape/newest_rendering.h"
#include "tsc/snapshot.h"

namespace kvmtsc {

// What the pages need of the rest of the service. All are called on the server's threads.
struct RouteSources {
  std::function<SnapshotPtr()> latest;          // null before the first sweep
  std::function<Nanoseconds()> sweep_interval;  // as configured now
  std::function<Result<std::string>()> reload;  // a line about what was done, or why it was refused
  std::function<ServiceFacts()> facts;
  const Clock* clock = nullptr;
  NewestRendering* renderings = nullptr;
};

// GET /metrics (text 0.0.4 or OpenMetrics 1.0 by Accept), /-/healthy, /-/ready and /; POST
// /-/reload. Ready means: a sweep has ended, no longer ago than three intervals (at least 10 s),
// and a source could list its VMs.
http::Router make_routes(const RouteSources& sources);

}  // namespace kvmtsc
