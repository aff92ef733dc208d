// BareReads: reading the files that a sweep reads, and doing nothing else. The floor under the cost
// of a sweep.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "tsc/snapshot.h"

namespace kvmtsc::bench {

class BareReads {
 public:
  // Opens the directory of each VM of `snapshot` and names the files that DebugfsSource reads of
  // it, in its order: guest_mode, tsc-offset, tsc-scaling-ratio where there is one and guest_mode
  // again for each vCPU; then, where offsets differ, each tsc-offset once more. An error when a
  // directory cannot be opened. Allocates what run() needs.
  static Result<BareReads> of(const std::string& debugfs, const Snapshot& snapshot);

  // openat, read and close of each file. An error when one of them fails: a VM has ended.
  Status run() const;

  std::size_t files() const;

 private:
  struct Directory {
    UniqueFd fd;
    std::vector<std::string> files;  // relative to it
  };

  std::vector<Directory> directories_;
};

}  // namespace kvmtsc::bench
