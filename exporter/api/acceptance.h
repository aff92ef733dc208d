// Acceptance: what answers a request for a correction that was accepted: 202, where the correction
// is to be found, and the correction itself.
#pragma once

#include <string>

#include "corrections/correction.h"
#include "corrections/journal.h"
#include "exporter/api/idempotency.h"
#include "exporter/http/message.h"

namespace kvmtsc {

// `json` is the correction's, as to_json() has it.
http::Response accepted_response(const std::string& id, std::string json);
http::Response accepted_response(const Correction& correction);

// Lets the newest requests that earlier runs of the service accepted be known again by their keys.
// Should the journal fail now they are not, and new requests will be refused for it anyway.
void recall_accepted(Journal& journal, Idempotency& idempotency);

}  // namespace kvmtsc
