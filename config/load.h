// Loading: YAML file + command-line flags -> Settings. A flag wins over the file.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "config/settings.h"

namespace kvmtsc {

// What the command line asks for.
struct CommandLine {
  std::vector<std::string> arguments;  // without the program's name; kept, for reloading
  std::string config_file;             // --config.file; empty if not given
  bool check_only = false;             // --config.check
};

// --help and --version: print `text` and leave with status 0.
struct PrintAndExit {
  std::string text;
};

// Parses the flags alone; touches no file. kInvalid names the flag and says what it takes.
Result<std::variant<CommandLine, PrintAndExit>> parse_command_line(int argc,
                                                                   const char* const* argv);

// The settings that the command line and its configuration file give now; called again on reload.
// kInvalid messages begin with "FILE:LINE: KEY: " for anything wrong in the file: unknown and
// duplicate keys, wrong types, values out of range, patterns that do not compile.
Result<Settings> load_settings(const CommandLine& command_line);

// The same from text, for tests and fuzzing; `file` is used in messages only.
Result<Settings> parse_settings(const std::string& yaml, const std::string& file);

}  // namespace kvmtsc
