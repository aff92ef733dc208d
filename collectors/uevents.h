// KvmUevents: tells at once that a KVM VM was created or destroyed, by the kobject uevents that KVM
// sends for it (kvm_uevent_notify_change() in virt/kvm/kvm_main.c).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace kvmtsc {

struct KvmUevent {
  enum class Kind { kCreate, kDestroy };
  Kind kind = Kind::kCreate;
  std::optional<pid_t> creator;  // PID=: the TID of the creating thread, as in VmKey
  std::string stats_path;        // "/kvm/<creator>-<fd>"; empty where KVM has no debugfs
};

// Reads one message of the kernel: "ACTION@DEVPATH" and then KEY=VALUE pairs, each ended by a NUL
// (lib/kobject_uevent.c). Absent if it is malformed or of anything but KVM's VMs. Where a key is
// repeated its first value counts.
std::optional<KvmUevent> parse_kvm_uevent(std::string_view message);

// A listener on NETLINK_KOBJECT_UEVENT. Needs no privilege. A hint and no more: the kernel sends
// these messages only into network namespaces that the initial user namespace owns, drops them when
// the queue is full, and may send them before or after the debugfs directory changes; a poll must
// stand behind it. One thread at a time.
class KvmUevents {
 public:
  // kPermission or kUnsupported where there are no such sockets, else kIo.
  static Result<KvmUevents> open();

  // For poll(): readable when drain() has something to read. Non-blocking, close-on-exec.
  int fd() const { return socket_.get(); }

  // Reads all messages that wait, at most kMaxMessages of them, and says whether VMs may have been
  // created or destroyed: that is, whether one told so or messages were lost. Does not block. Only
  // messages from the kernel count. After an error fd() is of no more use.
  Result<bool> drain();
  static constexpr int kMaxMessages = 10000;

 private:
  explicit KvmUevents(UniqueFd socket) : socket_(std::move(socket)) {}

  UniqueFd socket_;
};

}  // namespace kvmtsc
