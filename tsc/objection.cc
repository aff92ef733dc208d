#include "tsc/objection.h"

#include <algorithm>
#include <array>
#include <utility>

namespace kvmtsc {
namespace {

constexpr std::array<std::pair<Objection, const char*>, 8> kNames{{
    {Objection::kBackwards, "backwards"},
    {Objection::kLargeStep, "large_step"},
    {Objection::kWithinBound, "within_bound"},
    {Objection::kUntrusted, "untrusted"},
    {Objection::kUnstableHostTsc, "unstable_host_tsc"},
    {Objection::kProtectedTsc, "protected_tsc"},
    {Objection::kMigrating, "migrating"},
    {Objection::kUnequalRatios, "unequal_ratios"},
}};

}  // namespace

const char* objection_name(Objection objection) {
  return std::ranges::find(kNames, objection, &std::pair<Objection, const char*>::first)->second;
}

std::optional<Objection> parse_objection(std::string_view name) {
  for (const auto& [objection, known] : kNames) {
    if (name == known) {
      return objection;
    }
  }
  return std::nullopt;
}

}  // namespace kvmtsc
