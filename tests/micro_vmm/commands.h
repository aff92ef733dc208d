// The commands that micro-vmm takes on stdin, and its answers as JSON.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "tests/micro_vmm/fleet.h"

namespace kvmtsc::micro_vmm {

// What a VM looks like in the ready line and in answers: {"index", "fd", "creator", "vcpus":
// [{"id", "tid"}]}; tid is null for idle guests.
nlohmann::json describe_vm(std::size_t index, const Vm& vm);

// Carries out one line, "[VM-INDEX] COMMAND ARGUMENTS..."; the index is 0 if left out. What fails
// is {"error": TEXT}. Absent fields are null, 64-bit numbers strings.
nlohmann::json run_command(Fleet& fleet, std::string_view line);

// The list of commands for --help.
std::string command_help();

}  // namespace kvmtsc::micro_vmm
