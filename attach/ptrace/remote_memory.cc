#include "attach/ptrace/remote_memory.h"

#include <errno.h>
#include <sys/uio.h>

namespace kvmtsc::injection {
namespace {

// An address of another process is never dereferenced here; iovec just has no other type for it.
void* as_iovec_base(RemoteAddress address) {
  return reinterpret_cast<void*>(address.value);  // NOLINT(performance-no-int-to-ptr)
}

int outcome(ssize_t transferred, std::size_t wanted) {
  if (transferred < 0) {
    return errno;
  }
  return static_cast<std::size_t>(transferred) == wanted ? 0 : EFAULT;
}

}  // namespace

int read_memory(Tid thread, RemoteAddress from, std::span<std::byte> into) {
  const iovec local{into.data(), into.size()};
  const iovec remote{as_iovec_base(from), into.size()};
  return outcome(::process_vm_readv(thread.value, &local, 1, &remote, 1, 0), into.size());
}

int write_memory(Tid thread, RemoteAddress to, std::span<const std::byte> from) {
  const iovec local{const_cast<std::byte*>(from.data()), from.size()};
  const iovec remote{as_iovec_base(to), from.size()};
  return outcome(::process_vm_writev(thread.value, &local, 1, &remote, 1, 0), from.size());
}

}  // namespace kvmtsc::injection
