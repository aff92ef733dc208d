// CorrectionHistory: corrections of this run of the service and of earlier ones, found in the book
// or else in the journal. Not thread-safe: made anew for each question, with the book guarded.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "corrections/correction_book.h"
#include "corrections/journal.h"
#include "corrections/past_correction.h"

namespace kvmtsc {

class CorrectionHistory {
 public:
  CorrectionHistory(const CorrectionBook& book, Journal& journal)
      : book_(&book), journal_(&journal) {}

  // kNotFound when there is none, kConflict when its record does not say enough.
  Result<PastCorrection> find(const std::string& id) const;
  // The newest 1000 of the VM with this label, or of all; the oldest first.
  Result<std::vector<PastCorrection>> newest(const std::string& label) const;
  // Those that came after it, of any VM, the oldest first.
  Result<std::vector<PastCorrection>> later_than(const std::string& id) const;

 private:
  void append(const JournalCorrection& row, std::vector<PastCorrection>& history) const;

  const CorrectionBook* book_;
  Journal* journal_;
};

}  // namespace kvmtsc
