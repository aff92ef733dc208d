// The words that a program's command line knows. Pure.
#pragma once

#include <string>
#include <vector>

#include <CLI/App.hpp>

namespace kvmtsc {

// Its subcommands, without those that are hidden (of no group).
std::vector<std::string> commands_of(const CLI::App& app);

// Its own long flags, not those of its subcommands: "--json".
std::vector<std::string> flags_of(const CLI::App& app);

}  // namespace kvmtsc
