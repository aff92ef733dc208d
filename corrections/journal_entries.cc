#include "corrections/journal_entries.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "corrections/correction_json.h"

namespace kvmtsc {

JournalEvent event_of(const char* what, const VmName& vm, const Requester& requester,
                      std::string details, RealTime now) {
  JournalEvent event;
  event.at = now;
  event.what = what;
  event.vm = vm.label;
  event.vm_uuid = vm.uuid;
  event.who = requester.who;
  event.from = requester.from;
  event.details = std::move(details);
  return event;
}

JournalEvent event_of(const char* what, const Correction& correction, RealTime now) {
  JournalEvent event =
      event_of(what, correction.vm, correction.requester, dump(to_json(correction)), now);
  event.correction = correction.id;
  return event;
}

JournalCorrection row_of(const Correction& correction) {
  return {correction.id, correction.vm.label, correction.state == CorrectionState::kDone,
          dump(to_json(correction))};
}

}  // namespace kvmtsc
