// The JSON API below /api/v1, as exporter/api/openapi.json describes it. Handlers run on the
// server's threads; they read snapshots, and hand what changes something to the CorrectionService.
//
// Who may do what is decided by the server before a handler is called; handlers check the role once
// more, and the scope, which the server cannot know. What is read passes through
// exporter/api/seen.h.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "corrections/correction_service.h"
#include "corrections/journal.h"
#include "exporter/http/router.h"
#include "tsc/snapshot.h"

namespace kvmtsc {

// What GET host tells of the service.
struct ApiFacts {
  std::string version;
  std::string revision;
  std::string attach_mode;
  Nanoseconds sweep_interval{0};
  bool corrections_enabled = false;
  Nanoseconds max_step{0};
  std::optional<Status> audit = {};  // whether it can be written; absent while unknown
};

struct ApiSources {
  std::function<SnapshotPtr()> latest;  // null before the first sweep
  std::function<ApiFacts()> facts;
  CorrectionService* corrections = nullptr;
  Journal* journal = nullptr;
  const Clock* clock = nullptr;
};

void add_api_routes(http::Router& router, const ApiSources& sources);

}  // namespace kvmtsc
