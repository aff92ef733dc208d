// CallFilters: what the system-call filters of a VMM (seccomp) say of the calls that we would make
// in it. Plain values.
#pragma once

#include <optional>

#include "base/result.h"

namespace kvmtsc {

struct CallVerdict {
  enum class Kind {
    kUnknown,     // not asked yet, or it cannot be found out
    kUnfiltered,  // there is no filter
    kAllowed,     // the filters were read and allow all of the calls
    kDenied,      // they were read and do not
  };
  Kind kind = Kind::kUnknown;
  // Of kDenied, and of kUnknown where it cannot be found out.
  std::optional<Error> why = {};
};

struct CallFilters {
  CallVerdict clock;        // reading the VM's clock, on a thread that runs no vCPU
  CallVerdict corrections;  // writing offsets, on the threads of all vCPUs
};

}  // namespace kvmtsc
