// What a new run of the service takes over from the last one, by way of the journal.
#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "corrections/journal.h"
#include "corrections/rate_limits.h"

namespace kvmtsc {

// Gives each correction without a verdict one, and records it as "interrupted": kNotApplied when it
// was still queued, kUncertain otherwise. How many there were; an Error of the journal.
Result<unsigned> report_interrupted(Journal& journal, RealTime now);

// Counts what began within the last hour towards `limits`, so that a restart is no way around them.
// As many of the newest as `most` are looked at: with `most` the limit of the host, more could not
// make a difference. Times are those of the realtime clock then; one in the future counts as now.
Status recall_limits(Journal& journal, const Clock& clock, unsigned most, RateLimits& limits);

}  // namespace kvmtsc
