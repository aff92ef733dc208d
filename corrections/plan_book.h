// PlanBook: the plans that may still be carried out. Not thread-safe: its owner guards it.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "corrections/correction.h"

namespace kvmtsc {

class PlanBook {
 public:
  // A plan is found for `lifetime` after it was made, counted on the monotonic clock.
  explicit PlanBook(Nanoseconds lifetime) : lifetime_(lifetime) {}

  // Of more than 256 the oldest are forgotten.
  void keep(const PlanRecord& plan);
  std::optional<PlanRecord> find(const std::string& id, MonotonicTime now) const;

 private:
  Nanoseconds lifetime_;
  std::map<std::string, PlanRecord> plans_;
  std::deque<std::string> order_;  // the oldest first
};

}  // namespace kvmtsc
