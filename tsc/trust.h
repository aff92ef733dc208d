// Trust: whether a reading may be believed, and if not, why not.
#pragma once

namespace kvmtsc {

// Ordered by severity; a VM's trust is the highest among its own and its vCPUs'.
enum class Trust {
  kTrusted,
  kNested,           // a nested guest was running: debugfs then shows L2's combined offset
  kChanged,          // a value changed between the two times it was read
  kTorn,             // not all vCPUs have run since the host resumed, or some could not be read
  kUnstableHostTsc,  // the host's clocksource is not tsc: KVM rewrites offsets as it goes
};

// Stable lower-case word: "trusted", "nested", "changed", "torn", "unstable_host_tsc".
const char* trust_name(Trust trust);

// One sentence for people: what it means for the numbers.
const char* trust_explanation(Trust trust);

inline Trust worse(Trust a, Trust b) {
  return a < b ? b : a;
}

}  // namespace kvmtsc
