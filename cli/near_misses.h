// What the writer of a command line that kvm-tsc cannot make sense of most likely meant. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <CLI/App.hpp>

namespace kvmtsc {

// "there is no command \"shwo\"; did you mean show?", or likewise of a flag; absent when neither a
// command nor a flag is the mistake. `arguments` are without the program's name.
std::optional<std::string> near_miss(const CLI::App& app,
                                     const std::vector<std::string>& arguments);

}  // namespace kvmtsc
