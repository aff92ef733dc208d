// Reading and writing another process's memory in one call each. Addresses need not be aligned; a
// partial transfer is an error.
#pragma once

#include <cstddef>
#include <span>

#include "attach/ptrace/tid.h"
#include "base/result.h"

namespace kvmtsc::injection {

// 0 or an errno; EFAULT when only part could be transferred. Allocate nothing.
int read_memory(Tid thread, RemoteAddress from, std::span<std::byte> into);
int write_memory(Tid thread, RemoteAddress to, std::span<const std::byte> from);

}  // namespace kvmtsc::injection
