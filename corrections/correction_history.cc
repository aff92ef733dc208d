#include "corrections/correction_history.h"

#include <algorithm>

namespace kvmtsc {

constexpr std::size_t kNewest = 1000;

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

// The book knows more than the journal should that have failed.
void CorrectionHistory::append(const JournalCorrection& row,
                               std::vector<PastCorrection>& history) const {
  const auto* const entry = book_->find(row.id);
  auto past = entry != nullptr ? std::optional{past_of(entry->correction)} : parse_past(row.json);
  if (past) {
    history.push_back(*std::move(past));
  }
}

Result<std::vector<PastCorrection>> CorrectionHistory::newest(const std::string& label) const {
  const auto rows = journal_->corrections(kNewest, label, {});
  if (!rows) {
    return rows.error();
  }
  std::vector<PastCorrection> history;
  for (auto row = rows->rbegin(); row != rows->rend(); ++row) {
    append(*row, history);
  }
  return history;
}

Result<std::vector<PastCorrection>> CorrectionHistory::later_than(const std::string& id) const {
  std::vector<PastCorrection> later;
  if (book_->find(id) != nullptr) {
    for (const Correction* correction : book_->after(id)) {
      later.push_back(past_of(*correction));
    }
    return later;
  }
  const auto rows = journal_->corrections_after(id);
  if (!rows) {
    return rows.error();
  }
  for (const JournalCorrection& row : *rows) {
    append(row, later);
  }
  return later;
}

}  // namespace kvmtsc
