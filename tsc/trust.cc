#include "tsc/trust.h"

namespace kvmtsc {

const char* trust_name(Trust trust) {
  switch (trust) {
    case Trust::kTrusted:
      return "trusted";
    case Trust::kNested:
      return "nested";
    case Trust::kChanged:
      return "changed";
    case Trust::kTorn:
      return "torn";
    case Trust::kChanging:
      return "changing";
    case Trust::kUnstableHostTsc:
      return "unstable_host_tsc";
    case Trust::kOrphaned:
      return "orphaned";
  }
  return "torn";
}

const char* trust_explanation(Trust trust) {
  switch (trust) {
    case Trust::kTrusted:
      return "the offsets are those of the guest";
    case Trust::kNested:
      return "a nested guest was running, so the kernel showed the nested guest's offset";
    case Trust::kChanged:
      return "an offset changed while it was being read";
    case Trust::kTorn:
      return "not every vCPU could be read, or not every one has run since the host resumed";
    case Trust::kChanging:
      return "an offset does not hold still: it was another one at reading after reading";
    case Trust::kOrphaned:
      return "the VM's process has ended, and another process holds what is left of it";
    case Trust::kUnstableHostTsc:
      return "the host does not keep time by its TSC, so KVM adjusts offsets by itself";
  }
  return "";
}

}  // namespace kvmtsc
