// The command line of micro-vmm.
#pragma once

#include <string>
#include <variant>

#include "base/result.h"
#include "tests/micro_vmm/fleet.h"
#include "tests/micro_vmm/vm.h"

namespace kvmtsc::micro_vmm {

struct Options {
  VmOptions vm;
  unsigned vms = 1;
  Creator creator = Creator::kMainThread;
};

// --help: print `text` and leave with status 0.
struct Help {
  std::string text;
};

// kInvalid names the flag and says what it takes.
Result<std::variant<Options, Help>> parse_options(int argc, const char* const* argv);

}  // namespace kvmtsc::micro_vmm
