#include "corrections/correction_history.h"

#include <algorithm>

namespace kvmtsc {

Result<PastCorrection> CorrectionHistory::find(const std::string& id) const {
  if (const auto* const entry = book_->find(id)) {
    return past_of(entry->correction);
  }
  const auto row = journal_->correction(id);
  if (!row) {
    return row.error();
  }
  if (!*row) {
    return Error{ErrorKind::kNotFound, "there is no correction \"" + id + "\"", {}};
  }
  auto past = parse_past((*row)->json);
  if (!past) {
    return Error{ErrorKind::kConflict,
                 "the record of correction " + id + " does not say enough to undo it",
                 "plan a `restore` of the offsets that it says were there before"};
  }
  return *std::move(past);
}

Result<std::vector<PastCorrection>> CorrectionHistory::later_than(const std::string& id) const {
  std::vector<PastCorrection> later;
  for (const Correction* correction : book_->after(id)) {
    later.push_back(past_of(*correction));
  }
  if (book_->find(id) != nullptr) {
    return later;
  }
  const auto rows = journal_->corrections_after(id);
  if (!rows) {
    return rows.error();
  }
  for (const JournalCorrection& row : *rows) {
    // Those of this run are in both, and the book knows more should the journal have failed.
    const bool ours = std::ranges::find(later, row.id, &PastCorrection::id) != later.end();
    if (auto past = ours ? std::nullopt : parse_past(row.json)) {
      later.push_back(*std::move(past));
    }
  }
  return later;
}

}  // namespace kvmtsc
