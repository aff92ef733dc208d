// Trust: whether a reading may be believed, and if not, why not.
#pragma once

#include <array>

namespace kvmtsc {

// Ordered by severity; a VM's trust is the highest among its own and its vCPUs'.
enum class Trust {
  kTrusted,
  kNested,           // a nested guest was running: debugfs then shows L2's combined offset
  kChanged,          // a value changed between the two times it was read
  kTorn,             // not all vCPUs have run since the host resumed, or some could not be read
  kChanging,         // an offset is another one at reading after reading (Confirmation)
  kUnstableHostTsc,  // the host's clocksource is not tsc: KVM rewrites offsets as it goes
  kOrphaned,         // the VM's process has ended while another holds its descriptors
};

// Each of them once, best first.
inline constexpr std::array kAllTrusts{
    Trust::kTrusted,  Trust::kNested,          Trust::kChanged,  Trust::kTorn,
    Trust::kChanging, Trust::kUnstableHostTsc, Trust::kOrphaned,
};

// Stable lower-case word: "trusted", "nested", "changed", "torn", "changing", "unstable_host_tsc",
// "orphaned".
const char* trust_name(Trust trust);

// One sentence for people: what it means for the numbers.
const char* trust_explanation(Trust trust);

inline Trust worse(Trust a, Trust b) {
  return a < b ? b : a;
}

}  // namespace kvmtsc
