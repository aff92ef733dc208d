// Correction: one attempt to move the TSC offsets of a VM, from the plan to the verdict. Plain
// values.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "attach/offset_writer.h"
#include "base/clock.h"
#include "tsc/correction_plan.h"

namespace kvmtsc {

// Who asks, and from where. UTF-8.
struct Requester {
  std::string who;   // "token:night-shift", "user:alice", "root"
  std::string from;  // "127.0.0.1:51234", "unix"
};

// By which a request that is sent again is known as the same.
struct RequestMark {
  std::string key;     // the requester's Idempotency-Key; UTF-8
  std::string digest;  // of the whole request: SHA-256 in hexadecimal digits
};

// The VM as people know it, for records that outlive it.
struct VmName {
  std::string label;
  std::string uuid;  // may be empty
  pid_t pid = 0;
};

// A plan that somebody was shown.
struct PlanRecord {
  std::string id;  // unguessable, so that who knows it has seen the plan
  VmName vm;
  CorrectionPlan plan;
  RealTime planned;
  RealTime expires;    // for people; what counts is `made` and the plans' lifetime
  MonotonicTime made;  // what its lifetime counts from
};

enum class CorrectionState {
  kQueued,     // accepted, waiting for the sampling thread
  kApplying,   // between the journal's intention and the writer's report
  kVerifying,  // written; the next sweeps are to agree
  kDone,       // there is a verdict
};

enum class Verdict {
  kCorrected,   // written, read back, and two later sweeps agree
  kNotApplied,  // nothing was changed: refused when it came to it, or KVM ignored the writes
  kRolledBack,  // something failed; every vCPU has its old offset again
  kUncertain,   // what stands where is in the facts: look before you act
};

const char* correction_state_name(CorrectionState state);  // "queued", "applying", ...
const char* verdict_name(Verdict verdict);                 // "corrected", "not_applied", ...

// Whether a correction with this verdict may have left other offsets behind.
bool may_have_written(Verdict verdict);

// `prefix` and 64 random bits in hexadecimal digits.
std::string random_id(const char* prefix);

// Three separate facts; absent while not known, with `why_unknown` saying why where it stays so.
struct CorrectionFacts {
  std::optional<bool> read_back_equal;  // with the vCPUs still stopped
  std::optional<bool> offsets_equal;    // to what was wanted, in two sweeps after the vCPUs ran
  std::optional<bool> master_clock;     // KVM_GET_CLOCK after the vCPUs ran
  std::string why_unknown;
};

struct Correction {
  std::string id;  // unique for ever
  VmName vm;
  CorrectionPlan plan;
  std::set<Objection> allowed;
  std::string reason;  // what the requester said; UTF-8, may be empty
  Requester requester;
  std::optional<RequestMark> mark;

  RealTime requested;
  std::optional<RealTime> written;
  std::optional<RealTime> finished;
  CorrectionState state = CorrectionState::kQueued;
  std::optional<Verdict> verdict;     // set when kDone
  std::optional<WriteReport> report;  // what the writer says
  CorrectionFacts facts;
  std::optional<Error> error;          // why not kCorrected
  std::optional<std::string> undo_of;  // the correction that this one takes back
  bool redo = false;  // which is itself an undo, so that this one goes forward again
};

// Gives it its verdict.
void finish(Correction& correction, Verdict verdict, RealTime now);

}  // namespace kvmtsc
