#include "corrections/recovery.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "corrections/correction_json.h"
#include "corrections/journal_entries.h"
#include "corrections/past_correction.h"

namespace kvmtsc {

Result<unsigned> report_interrupted(Journal& journal, RealTime now) {
  const auto unfinished = journal.unfinished();
  if (!unfinished) {
    return unfinished.error();
  }
  unsigned reported = 0;
  for (const JournalCorrection& left : *unfinished) {
    const auto past = parse_past(left.json);
    JournalEvent event = event_of("interrupted", past ? past->vm : VmName{left.vm, "", 0}, {},
                                  interrupted_json(left.json, now), now);
    event.correction = left.id;
    if (auto recorded =
            journal.record(event, JournalCorrection{left.id, left.vm, true, event.details});
        !recorded) {
      return recorded.error();
    }
    ++reported;
  }
  return reported;
}

Status recall_limits(Journal& journal, const Clock& clock, unsigned most, RateLimits& limits) {
  const auto rows = journal.corrections(most, "", {});
  if (!rows) {
    return rows.error();
  }
  const RealTime now = clock.realtime();
  std::vector<std::pair<Nanoseconds, VmKey>> by_age;
  for (const JournalCorrection& row : *rows) {
    if (const auto past = parse_past(row.json); past && !past->undo_of) {
      const auto age = std::max(Nanoseconds{0}, now.since_epoch - past->requested.since_epoch);
      by_age.emplace_back(age, past->key);
    }
  }
  // Not always the order of the journal: the realtime clock may have been set between two of them.
  std::ranges::sort(by_age, std::greater{});
  for (const auto& [age, vm] : by_age) {
    if (age < RateLimits::kWindow) {
      limits.count(vm, clock.monotonic() + -age);
    }
  }
  return ok_status();
}

}  // namespace kvmtsc
