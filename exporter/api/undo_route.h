// POST corrections/{id}/undo. The VM is that of the correction, which may be of an earlier run of
// the service and called otherwise since.
#pragma once

#include <optional>

#include "exporter/api/api.h"

namespace kvmtsc {

// `mark` is the request's, by its Idempotency-Key. Any thread.
http::Response undo_correction(const ApiSources& sources, const http::Request& request,
                               const std::optional<RequestMark>& mark);

}  // namespace kvmtsc
