// VMs as people read them on a terminal. Each takes the API's JSON (docs/api.md) and gives whole
// lines; text that came from elsewhere is made harmless. Pure.
#pragma once

#include <string>

#include "cli/output.h"

namespace kvmtsc {

// GET vms, what deserves to be looked at first.
std::string table_of_vms(const Json& answer, bool coloured);

// Of an answer whose `complete` is false: which source could not list its VMs, and why. One line.
std::string why_incomplete(const Json& answer);

// GET vms/{vm}: what is known of the whole VM, a fact a line, and its vCPUs.
std::string facts_of(const Json& vm);
std::string table_of_vcpus(const Json& vm, bool coloured);

}  // namespace kvmtsc
