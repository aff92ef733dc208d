// The one table of what the command lines of virtual machine monitors (VMMs) say of their guests:
// how each program is known, which of its options give the guest's name or uuid, and which of them
// counts where several do. docs/identity.md shows the same rows; a test compares the two. Data
// only.
//
// Sources: QEMU qemu-options.hx (and QEMU 7.2, asked by `info name` and `info uuid`); Proxmox VE's
// patch that adds -id; developer.android.com/studio/run/emulator-commandline; Firecracker
// `firecracker --help`; cloud-hypervisor `--help`, and Kata Containers clh.go for where it puts the
// socket; crosvm `crosvm run --help`; kvmtool builtin-run.c; gVisor runsc/sandbox/sandbox.go.
#pragma once

#include <array>
#include <span>
#include <string_view>

namespace kvmtsc {

// How options are written.
enum class OptionStyle {
  kQemu,  // -option VALUE, --option VALUE
  kLong,  // --option VALUE, --option=VALUE, -o VALUE
};

// A program that is a VMM. "*" at the end stands for anything, "[-*]" for nothing or a dash and
// anything; a second word is the program's first argument.
struct VmmProgram {
  std::string_view vmm;
  std::string_view program;
  OptionStyle style;
};

enum class IdentityField { kName, kUuid };

// What is taken of an option's value.
enum class OptionForm {
  kValue,            // all of it
  kQemuKey,          // of "key=value,..." the value of `key`; a comma in it is doubled
  kQemuFirstKey,     // likewise; a first part that has no key is its value, too
  kListKey,          // likewise, but commas inside of [] and "" do not separate
  kSocketName,       // of a path ("path=" may stand before it) the base name without .sock, .socket
  kSocketDirectory,  // of a path whose base name is `key` the directory's name
  kConfigName,       // of the file it names the key `guest` of section [name]
  kAt,               // what follows "@" in an argument that is no option's value
  kLastArgument,     // the last argument, where `key` is among those before it
  kConstant,         // `key`, where none of the others is given
  kConstantPid,      // the same with the pid behind it
};

struct VmmOption {
  std::string_view vmm;
  IdentityField gives;
  int rank;                               // of those of one VMM and field the lowest counts; among
                                          // equals, the last in the command line
  std::string_view written;               // as its documentation writes it
  std::array<std::string_view, 2> names;  // with their dashes; QEMU's with one
  OptionForm form;
  std::string_view key = {};
  std::string_view only_if = {};  // another "key=value" that must be in the same list
};

std::span<const VmmProgram> vmm_programs();
std::span<const VmmOption> vmm_options();

}  // namespace kvmtsc
