// The parts of a QEMU command line that say which guest it runs. Pure.
#pragma once

#include <span>
#include <string>

namespace kvmtsc {

struct QemuOptions {
  std::string guest_name;  // -name; empty if not given
  std::string uuid;        // -uuid; empty if not given
};

// Reads `arguments` (without argv[0]) as QEMU's own parser does (qemu-options.hx, system/vl.c,
// util/qemu-option.c):
//  - An argument that begins with '-' is an option, "--x" the same as "-x"; all others are disk
//    images. An option takes the next argument as its value, whatever that looks like, so
//    "-append -name" names no guest. We tell by a list of the options that take none, old and new:
//    it is short and seldom grows, and libvirt puts -name first anyway.
//  - -name [guest=]NAME[,key=value...]: a comma in a value is doubled; the first part needs no key.
//  - Where an option is repeated the last one wins; a -name without a guest leaves the earlier one.
QemuOptions parse_qemu_options(std::span<const std::string> arguments);

}  // namespace kvmtsc
