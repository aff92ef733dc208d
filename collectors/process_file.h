// A file that a process names in its command line, read as the process itself would open it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "base/host_root.h"
#include "base/result.h"

namespace kvmtsc {

// The process may be anybody's, a tenant's in a container of its own, and is believed in nothing:
//  - An absolute path begins at the process's root, another at its working directory, and neither
//  it
//    nor a link in it leads out of there (openat2(2), RESOLVE_IN_ROOT; Linux 5.6).
//  - Nothing can make us wait: the path stays on the file system it begins on, which has to be one
//    of the host's own (not FUSE, not a network's), and only a regular file is read.
//  - What is longer than `limit` bytes is refused: it is no file of options.
// kNotFound, kPermission, kRefused for all else that is not read, kUnsupported without openat2().
// Any thread.
Result<std::string> read_process_file(const HostRoot& root, pid_t pid, std::string_view path,
                                      std::size_t limit);

}  // namespace kvmtsc
