// CorrectionBook: the corrections of this run of the service, in the order in which they were
// accepted. Not thread-safe: its owner guards it.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "corrections/correction.h"
#include "corrections/verification.h"

namespace kvmtsc {

class CorrectionBook {
 public:
  // A correction and, once something was written, what watches over it.
  struct Entry {
    Correction correction;
    std::optional<Verification> verification;
  };

  // A new one, last in the order, waiting for take_queued().
  void add(const Correction& correction);
  // Null when there is none, or it was forgotten.
  Entry* find(const std::string& id);
  const Entry* find(const std::string& id) const;

  // The id of one of this VM that has no verdict yet.
  std::optional<std::string> under_way(const VmKey& vm) const;
  // The corrections after `id`; all when `id` is not here, for then it is of an earlier run.
  std::vector<const Correction*> after(const std::string& id) const;
  // Those that were written and are being verified.
  std::vector<Entry> verifying() const;

  // The one that has waited longest.
  std::optional<std::string> take_queued();
  // Of more than 1000 the oldest that are done: the journal has them.
  void forget_old();

 private:
  std::map<std::string, Entry> entries_;
  std::deque<std::string> order_;  // the oldest first
  std::deque<std::string> queue_;
};

}  // namespace kvmtsc
