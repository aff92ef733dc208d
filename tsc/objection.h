// Objection: what can speak against a plan. A correction is refused for each that its request does
// not allow by name. Pure.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace kvmtsc {

enum class Objection {
  kBackwards,        // a vCPU's TSC would go back
  kLargeStep,        // a TSC would move by more than the largest step, or by an unknown time
  kWithinBound,      // no TSC would move by more than the error bound
  kUntrusted,        // the reading is not trusted, not confirmed, or incomplete
  kUnstableHostTsc,  // KVM rewrites offsets by itself
  kProtectedTsc,     // KVM accepts writes of this VM, or of all, and ignores them
  kMigrating,        // the VM is being migrated
  kUnequalRatios,  // the vCPUs' TSCs run at different rates: equal offsets will not keep them equal
};

inline constexpr std::array kEveryObjection{Objection::kBackwards,       Objection::kLargeStep,
                                            Objection::kWithinBound,     Objection::kUntrusted,
                                            Objection::kUnstableHostTsc, Objection::kProtectedTsc,
                                            Objection::kMigrating,       Objection::kUnequalRatios};

// Stable lower-case word: "backwards", "large_step", "within_bound", ...
const char* objection_name(Objection objection);
std::optional<Objection> parse_objection(std::string_view name);

struct ObjectionFound {
  Objection objection = Objection::kUntrusted;
  std::string detail;  // one sentence with the figures
};

}  // namespace kvmtsc
