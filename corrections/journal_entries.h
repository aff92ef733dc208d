// What the CorrectionService writes into its Journal. Pure; any thread.
#pragma once

#include <string>

#include "corrections/correction.h"
#include "corrections/journal.h"

namespace kvmtsc {

// Something that happened to a VM. `details` is a JSON object.
JournalEvent event_of(const char* what, const VmName& vm, const Requester& requester,
                      std::string details, RealTime now);
// A step of a correction; with row_of() it makes one record.
JournalEvent event_of(const char* what, const Correction& correction, RealTime now);
JournalCorrection row_of(const Correction& correction);

}  // namespace kvmtsc
