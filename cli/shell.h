// Words as a shell takes them. Pure.
#pragma once

#include <string>

namespace kvmtsc {

// The word as it can be typed or pasted (POSIX shells): quoted where it has to be. Control
// characters, which could command a terminal, become '?'.
std::string shell_word(const std::string& word);

}  // namespace kvmtsc
