// Where the programs under test and those that tests borrow are.
#pragma once

#include <string>

namespace kvmtsc::integration {

// A program of this project, in the build's bin directory or in $KVM_TSC_BIN_DIR.
std::string product_program(const std::string& name);

// "prometheus", "promtool" or "prometheus-node-exporter", where scripts/fetch-prometheus.sh puts
// them: below build/third-party or $KVM_TSC_THIRD_PARTY_DIR.
std::string prometheus_program(const std::string& name);

// The program's path by $PATH (an absolute one is itself), or empty where it cannot be run.
std::string find_in_path(const std::string& name);

}  // namespace kvmtsc::integration
