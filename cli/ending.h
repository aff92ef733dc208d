// Ending: SIGINT and SIGTERM, made something to wait for. Blocks both for the thread that makes it
// and for those started later, for good.
#pragma once

#include "base/unique_fd.h"

namespace kvmtsc {

class Ending {
 public:
  Ending();
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;
  // True when a signal has come within that time.
  bool comes_within(double seconds) const;

 private:
  UniqueFd fd_;
};

}  // namespace kvmtsc
