// The answer to GET /metrics: text 0.0.4 or OpenMetrics 1.0 by Accept, compressed by
// Accept-Encoding. Any thread.
#pragma once

#include "exporter/http/message.h"
#include "exporter/metrics/families.h"
#include "exporter/scrape/rendering.h"

namespace kvmtsc {

// The families of the rendering's snapshot, whose bytes the answer shares, and behind them those
// of `live`, which are true at the moment of the scrape; no family is in both.
http::Response answer_scrape(const Rendering& rendering, const Families& live,
                             const http::Request& request);

}  // namespace kvmtsc
