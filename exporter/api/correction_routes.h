// The part of the API that plans and changes: plans, corrections, the plain set-offset, undo.
#pragma once

#include "exporter/api/api.h"

namespace kvmtsc {

void add_correction_routes(http::Router& router, const ApiSources& sources);

}  // namespace kvmtsc
