// The made-up hosts of tests/fixtures: for each a folder of this name with its proc, sys and
// debugfs, and the /metrics that they give (tests/golden).
#pragma once

#include <array>

namespace kvmtsc::fakes {

inline constexpr std::array kFixtureHosts{
    "intel-scaling", "amd-scaling",  "no-scaling", "bad-files",
    "odd-names",     "unstable-tsc", "no-kvm",
};

}  // namespace kvmtsc::fakes
