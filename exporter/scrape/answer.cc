#include "exporter/scrape/answer.h"

#include "exporter/http/encoding.h"
#include "exporter/http/gzip.h"
#include "exporter/metrics/exposition.h"

namespace kvmtsc {

http::Response answer_scrape(const Rendering& rendering, const Families& live,
                             const http::Request& request) {
  const auto format = http::prefers_openmetrics(request.header("Accept"))
                          ? ExpositionFormat::kOpenMetrics
                          : ExpositionFormat::kText;
  http::Response response;
  response.content_type = content_type(format);
  response.headers.emplace_back("Vary", "Accept");
  response.headers.emplace_back("Vary", "Accept-Encoding");
  response.body = expose(live, format);
  const auto packed = http::takes_gzip(request) ? rendering.packed(format) : nullptr;
  if (packed == nullptr) {
    response.shared = rendering.text(format);
    return response;
  }
  response.headers.emplace_back("Content-Encoding", "gzip");
  response.shared = {packed, &packed->bytes};
  response.body = http::end_gzip(*packed, response.body);
  return response;
}

}  // namespace kvmtsc
