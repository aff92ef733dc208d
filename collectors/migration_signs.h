// Whether a VMM shows signs of a live migration under way. It knows QEMU's signs only, and those
// only where QEMU names its threads (`-name debug-threads=on`, which libvirt sets): threads
// "live_migration", "mig/..." and "multifd...", which live as long as the migration does
// (migration/migration.c and multifd.c in QEMU's source). No sign is not a proof of none.
#pragma once

#include <sys/types.h>

#include "base/host_root.h"

namespace kvmtsc {

bool shows_migration(const HostRoot& root, pid_t process);

}  // namespace kvmtsc
