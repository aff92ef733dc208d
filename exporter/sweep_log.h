// SweepLog: turns the difference between successive snapshots into log lines, so that a lasting
// trouble is told when it begins, when it changes and when it ends, and not at every sweep.
// Sampling thread only.
#pragma once

#include <map>
#include <string>

#include "tsc/snapshot.h"

namespace kvmtsc {

class SweepLog {
 public:
  void observe(const Snapshot& snapshot);

 private:
  struct Vm {
    std::string label;
    std::string trouble;  // empty while all is well
  };

  void observe_collectors(const Snapshot& snapshot);
  void observe_vms(const Snapshot& snapshot);

  bool told_of_priority_ = false;
  std::map<std::string, std::string> collector_troubles_;
  std::map<VmKey, Vm> vms_;
};

}  // namespace kvmtsc
