// Whether a VMM shows signs of a live migration under way. It knows QEMU's signs only. No sign is
// not a proof of none.
//
//   sending    threads "live_migration", "mig/..." and "multifd...", which live as long as the
//              migration does (migration/migration.c and multifd.c in QEMU's source), but only
//              where QEMU names its threads (`-name debug-threads=on`, which libvirt sets)
//   receiving  -incoming on the command line, and vCPUs of which none has run yet (vcpuN/pid in
//              debugfs is 0)
#pragma once

#include <sys/types.h>

#include "base/host_root.h"

namespace kvmtsc {

bool shows_migration(const HostRoot& root, pid_t process);

}  // namespace kvmtsc
