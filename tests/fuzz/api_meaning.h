// What must be true when the API has said yes to a request that plans or changes something: who
// may, of which VM, and that the numbers of the body are those of the plan, to the tick.
#pragma once

#include "api_answers.h"
#include "tsc/snapshot.h"

namespace kvmtsc::fuzz {

// `answer` is what check_answer() gave for a status of 2xx, `snapshot` what the API saw. The
// request has its path.
void check_meaning(const http::Request& request, const Json& answer, const Snapshot& snapshot);

}  // namespace kvmtsc::fuzz
