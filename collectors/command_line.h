// What the command line of a virtual machine monitor (VMM) says about its guest, by the table of
// vmm_table.h. Pure.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace kvmtsc {

// Text is as in the command line, not yet valid UTF-8; what it does not say is empty.
struct CommandLineIdentity {
  std::string vmm;  // one of vmm_programs()
  std::string name;
  std::string uuid;
};

// The beginning of a file that the command line names, as the process itself would open it; empty
// if it may not or cannot be read.
using NamedFile = std::function<std::string(std::string_view path)>;

// Absent when the program is none of the VMMs in the table. It is known by the last component of
// argv[0], or else, where argv[0] was overwritten, by `comm`, of which the kernel keeps 15 bytes.
// Where no option gives a uuid, a name in the form of one is the uuid as well.
std::optional<CommandLineIdentity> identify_command_line(std::span<const std::string> argv,
                                                         std::string_view comm, pid_t pid,
                                                         const NamedFile& named_file);

}  // namespace kvmtsc
