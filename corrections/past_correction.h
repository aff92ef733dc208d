// PastCorrection: what undos, rate limits and repeated requests need to know of a correction,
// whether this run of the service made it or its record in the journal tells of it. Plain values
// and pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "corrections/correction.h"

namespace kvmtsc {

struct PastCorrection {
  struct Vcpu {
    VcpuId id = 0;
    std::int64_t before = 0;  // ticks; the writer writes only over these
    std::int64_t after = 0;   // ticks; what it wrote, if it came to that
  };

  std::string id;
  VmKey key;
  VmName vm;
  std::string who;                  // asked for it
  std::optional<RequestMark> mark;  // absent without an Idempotency-Key
  std::vector<Vcpu> vcpus;          // ascending by id: every vCPU of the VM
  RealTime requested;
  std::optional<Verdict> verdict;      // absent while under way
  std::optional<std::string> undo_of;  // the correction that this one takes back
  bool redo = false;                   // what it takes back is itself an undo
};

PastCorrection past_of(const Correction& correction);

// From to_json(Correction); of versions that did not record it, an undo counts as no redo. Absent
// when it is no such text, or of a version that did not record which VM it was of.
std::optional<PastCorrection> parse_past(const std::string& json);

}  // namespace kvmtsc
