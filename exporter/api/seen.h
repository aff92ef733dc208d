// What a login sees. One whose scope names VMs sees these alone, wherever VMs are shown; where no
// login is required it would see the rest by asking without one. Of corrections and of the audit
// operators see everything, others that something happened: when, to which VM, with what verdict.
// Pure; any thread.
#pragma once

#include <string>

#include "corrections/journal.h"
#include "corrections/json_values.h"
#include "exporter/http/message.h"
#include "tsc/snapshot.h"

namespace kvmtsc {

// The same, or a copy with the VMs of the scope. May be null.
SnapshotPtr seen_by(const http::Principal& principal, SnapshotPtr snapshot);

// `json` is a correction's (corrections/correction_json.h). Empty when its VM is not in the scope.
std::string correction_seen_by(const http::Principal& principal, const std::string& json);

// As GET audit gives it.
nlohmann::ordered_json event_seen_by(const http::Principal& principal, const JournalEvent& event);

}  // namespace kvmtsc
