// The text of --help.
#pragma once

#include <string>

namespace kvmtsc {

// Every flag by group with its meaning, default and YAML key; ends in a newline; no line is longer
// than 100 columns.
std::string help_text();

}  // namespace kvmtsc
