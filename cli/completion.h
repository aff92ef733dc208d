// Completion of subcommands and options for shells.
#pragma once

#include <string>

#include <CLI/App.hpp>

namespace kvmtsc {

// A script for bash, or for zsh by way of its bash completion, to be sourced.
std::string completion_script(const CLI::App& app, const std::string& shell);

}  // namespace kvmtsc
