// Flags: the command line as its words say, before and apart from any file. Wraps CLI11; no other
// file knows it.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/settings.h"

namespace kvmtsc {

struct Flags {
  std::map<std::string, std::vector<std::string>> values;  // by YAML key; checked by apply_flags()
  std::string config_file;                                 // empty if not given
  bool check_only = false;
  bool help = false;  // then, as with version, nothing else need be right
  bool version = false;
};

// A flag that is no setting: it has no YAML key.
struct PlainFlag {
  std::string_view flag;
  std::string_view value_name;  // empty if it takes none
  std::string_view help;
};
inline constexpr std::array<PlainFlag, 4> kPlainFlags{{
    {"--config.file", "PATH",
     "YAML configuration file; without it, the defaults and the flags hold."},
    {"--config.check", "",
     "Check the file and the flags, say what is wrong, and leave: status 0 if nothing is."},
    {"--version", "", "Print the version and leave."},
    {"--help", "", "Print this and leave (also -h)."},
}};

// `arguments` are without the program's name. Accepts --flag VALUE, --flag=VALUE, and a setting's
// YAML key in place of its flag's name. kInvalid lists every unknown flag, flag without a value,
// repeated flag and stray word, one a line.
Result<Flags> parse_flags(const std::vector<std::string>& arguments);

// Stores the flags' values over what `settings` holds. kInvalid lists every value that is wrong,
// one a line; `settings` is then partly changed.
Status apply_flags(const Flags& flags, Settings& settings);

}  // namespace kvmtsc
