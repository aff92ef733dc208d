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
  // Those that came after it, of any VM.
  Result<std::vector<PastCorrection>> later_than(const std::string& id) const;

 private:
  const CorrectionBook* book_;
  Journal* journal_;
};

}  // namespace kvmtsc
