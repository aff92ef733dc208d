// The options in a command line, read as the VMM's own parser would. Pure.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collectors/vmm_table.h"

namespace kvmtsc {

struct GivenOption {
  std::string_view name;  // with its dashes, QEMU's with one; "@" for an Android virtual device
  std::string_view value;
};

// Those of `wanted` that `arguments` (without argv[0]) give, in their order, with their values; an
// option that lacks its value is left out. The views are into `arguments`.
//
// kQemu (qemu-options.hx, system/vl.c): an argument that begins with '-' is an option, "--x" the
// same as "-x"; all others are disk images. An option takes the next argument as its value,
// whatever that looks like, so "-append -name" names no guest. We tell by a list of the options
// that take none, old and new: it is short and seldom grows, and libvirt puts -name first anyway.
// The Android emulator's options are not QEMU's, and whether they take values is not known: "-avd"
// is taken as an option wherever it stands, for QEMU has none.
//
// kLong: both "--option value" and "--option=value"; nothing after "--" is an option. The value of
// a kernel command line option (--params, -p, --cmdline) is stepped over; no other option of these
// VMMs takes values that begin with a dash.
std::vector<GivenOption> given_options(OptionStyle style, std::span<const std::string> arguments,
                                       const std::set<std::string_view>& wanted);

}  // namespace kvmtsc
