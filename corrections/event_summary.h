// EventSummary: what an event of the journal says, for a line of a log or a row of a table. Pure;
// any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "corrections/journal.h"

namespace kvmtsc {

struct EventSummary {
  struct Jump {
    std::int64_t ticks = 0;         // by which the guest's TSC moves
    std::optional<double> seconds;  // absent where the frequency is not known
  };

  std::optional<std::string> plan;      // its id, of "planned" and "refused"
  std::optional<std::string> goal;      // "align", "set", "shift", "restore"
  std::optional<Jump> largest_jump;     // of all vCPUs, whichever way
  std::vector<std::string> objections;  // what speaks against the plan, allowed or not
  std::optional<std::string> reason;    // as the requester gave it; absent if none was given
  std::optional<std::string> undo_of;   // the id of the correction that is taken back
  bool redo = false;                    // which is itself an undo
  std::optional<std::string> verdict;   // of what is done
  std::optional<std::string> error;     // why it was refused or not corrected; text
};

// From the event's details. What they do not say, or not in a form that is known, is absent: they
// may be of an earlier version.
EventSummary summary_of(const JournalEvent& event);
// The same of its word and its details, for who has parsed them already.
EventSummary summary_of(std::string_view what, const nlohmann::ordered_json& details);

}  // namespace kvmtsc
