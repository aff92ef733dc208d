// What the command line of a virtual machine monitor (VMM) says about its guest. Pure.
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace kvmtsc {

// Text is as in the command line, not yet valid UTF-8; what it does not say is empty.
struct CommandLineIdentity {
  std::string vmm;  // "qemu", "firecracker", "cloud-hypervisor", "crosvm" or "kvmtool"
  std::string name;
  std::string uuid;
};

// Absent when the program is none of the VMMs known here. It is known by the last component of
// argv[0], with any "-suffix" (firecracker-v1.7.0-x86_64), or else, where argv[0] was overwritten,
// by `comm`, of which the kernel keeps 15 bytes.
//
//   qemu-system-*, qemu-kvm, kvm   see qemu_options.h
//   firecracker, jailer            --id ID, else "anonymous-instance", as Firecracker calls it
//   cloud-hypervisor               no name option: the base name of --api-socket [path=]PATH
//                                  without .sock or .socket; uuid from --platform uuid=UUID
//   crosvm                         --name NAME, else the base name of --socket, -s PATH, likewise
//   lkvm, kvmtool, vm run          --name NAME, else "guest-PID", as kvmtool calls it
//
// Both "--option value" and "--option=value" are read, the last one wins, and nothing after "--" is
// an option. The value of a kernel command line option (--params, -p, --cmdline) is stepped over;
// no other option of the last four takes values that begin with a dash.
std::optional<CommandLineIdentity> identify_command_line(std::span<const std::string> argv,
                                                         std::string_view comm, pid_t pid);

}  // namespace kvmtsc
