// Journal: where plans, corrections, refusals and undos are recorded for good. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace kvmtsc {

// One thing that happened. Never changed afterwards.
struct JournalEvent {
  std::uint64_t sequence = 0;  // given by the journal: 1, 2, 3, ...
  RealTime at;
  std::string what;        // "planned", "requested", "refused", "applying", "written", "finished",
                           // "interrupted"
  std::string correction;  // its id; empty where there is none
  std::string vm;          // label
  std::string vm_uuid;
  std::string who;
  std::string from;
  std::string details;  // a JSON object: a plan, a correction, or of a refusal {"error": ...} with
                        // what is known of "reason" and "plan"; with "undo_of" where it undoes
};

// A correction's newest state, as JSON (corrections/correction_json.h).
struct JournalCorrection {
  std::string id;
  std::string vm;  // label
  bool done = false;
  std::string json;
};

struct JournalQuery {
  std::optional<std::uint64_t> after;  // sequence; absent for the newest first
  std::string vm;                      // label; empty for all
  std::size_t limit = 100;
  std::vector<std::string> among = {};       // labels or uuids: of these VMs only; empty for all
  std::optional<std::uint64_t> before = {};  // sequence; of the newest first, where to go on
};

class Journal {
 public:
  virtual ~Journal() = default;

  // Appends the event and, if there is one, replaces the correction's row: both or neither. When
  // this returns they survive a power failure. Milliseconds; never called while a thread of a VMM
  // is held.
  virtual Status record(const JournalEvent& event,
                        const std::optional<JournalCorrection>& correction) = 0;

  // Whether record() could do its work now: writes as it does, and leaves no event. Milliseconds.
  virtual Status writable() = 0;

  // After `after`, ascending by sequence; without it descending, from the newest or `before`.
  virtual Result<std::vector<JournalEvent>> events(const JournalQuery& query) = 0;

  // Of the VM with this label, or of all; of those `among` these labels or uuids, if there are any;
  // the newest first.
  virtual Result<std::vector<JournalCorrection>> corrections(
      std::size_t limit, const std::string& vm, const std::vector<std::string>& among) = 0;
  // Those recorded first after `id` was, ascending; none when there is no `id`.
  virtual Result<std::vector<JournalCorrection>> corrections_after(const std::string& id) = 0;
  // Those without a verdict: at start, what the last run left half done.
  virtual Result<std::vector<JournalCorrection>> unfinished() = 0;
  virtual Result<std::optional<JournalCorrection>> correction(const std::string& id) = 0;
};

}  // namespace kvmtsc
