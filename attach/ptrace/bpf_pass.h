// One pass over a seccomp program for a call of which not every word is known: all ways through it
// at once.
//
// What is computed of an unknown word is unknown; at a jump on an unknown value both ways are
// taken; where two ways meet, what they do not agree on is unknown. So every answer that the kernel
// could give is among those found. Jumps lead forward, hence each instruction is looked at once.
// Pure.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <optional>
#include <set>
#include <span>

#include "attach/ptrace/seccomp_call.h"

namespace kvmtsc::injection {

// Every answer that the program can give; absent when one is computed from what is not known, so
// that any is possible. Never empty. `program` is one that is_seccomp_program() lets in.
std::optional<std::set<std::uint32_t>> possible_answers(std::span<const sock_filter> program,
                                                        const SeccompCall& call);

}  // namespace kvmtsc::injection
