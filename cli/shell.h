// Words as a shell takes them. Pure.
#pragma once

#include <string>

namespace kvmtsc {

// The word as it can be typed or pasted (POSIX shells): quoted where it has to be. Control
// characters, which could command a terminal, become '?'.
std::string shell_word(const std::string& word);

// "kvm-tsc COMMAND VM FLAGS", with the VM's name after "--" where it could be taken for a flag.
std::string command_for(const std::string& command, const std::string& vm,
                        const std::string& flags = {});

}  // namespace kvmtsc
