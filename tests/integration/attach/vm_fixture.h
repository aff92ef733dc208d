// What tests on real VMs share: whether there can be any, and where KVM lists one.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "attach/target.h"

namespace kvmtsc::testing {

// Why no VM can be run and found here; absent if one can.
std::optional<std::string> missing_for_vms();

// The VMs that `process` has created, from debugfs, ascending by descriptor.
std::vector<AttachTarget> vms_of(pid_t process);

}  // namespace kvmtsc::testing
