#include "config/flags.h"
#include "config/help.h"
#include "config/load.h"
#include "base/version.h"

namespace kvmtsc {

Result<std::variant<CommandLine, PrintAndExit>> parse_command_line(int argc,
                                                                   const char* const* argv) {
  using Parsed = std::variant<CommandLine, PrintAndExit>;
  CommandLine command_line;
  for (int i = 1; i < argc; ++i) {
    command_line.arguments.emplace_back(argv[i]);
  }
  const auto flags = parse_flags(command_line.arguments);
  if (!flags) {
    return flags.error();
  }
  if (flags->help || flags->version) {
    return Parsed(PrintAndExit{flags->help ? help_text() : version_text()});
  }
  Settings scratch;
  if (const Status status = apply_flags(*flags, scratch); !status) {
    return status.error();
  }
  command_line.config_file = flags->config_file;
  command_line.check_only = flags->check_only;
  return Parsed(std::move(command_line));
}

}  // namespace kvmtsc
