#include "collectors/uevents.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <array>

#include "base/parse.h"

namespace kvmtsc {
namespace {

constexpr unsigned kKernelGroup = 1;  // udev sends its own messages to group 2

// Room for one message: the kernel's are below 2 KiB plus the path (UEVENT_BUFFER_SIZE).
constexpr std::size_t kMessageSize = 16384;

// Enough for the events of a thousand VMs at once; as root the limit of rmem_max does not count.
constexpr int kQueueSize = 2 * 1024 * 1024;

void enlarge_queue(int socket) {
  if (::setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &kQueueSize, sizeof(kQueueSize)) != 0) {
    // A smaller queue only means that drain() reports lost messages sooner.
    (void)::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &kQueueSize, sizeof(kQueueSize));
  }
}

Error no_socket(int error_number) {
  Error error = errno_error(error_number, "listening for kobject uevents");
  if (error_number == EPROTONOSUPPORT || error_number == EAFNOSUPPORT) {
    error.kind = ErrorKind::kUnsupported;
  }
  error.remedy = "VMs are still found by polling, up to one interval later";
  return error;
}

}  // namespace

std::optional<KvmUevent> parse_kvm_uevent(std::string_view message) {
  std::string_view path;
  std::string_view event;
  std::string_view pid;
  std::string_view stats_path;
  const auto pieces = split(message, '\0');
  if (pieces.front().find('@') == std::string_view::npos) {
    return std::nullopt;
  }
  for (std::size_t i = 1; i < pieces.size(); ++i) {
    const auto take = [&](std::string_view key, std::string_view& value) {
      if (value.data() == nullptr && pieces[i].starts_with(key)) {
        value = pieces[i].substr(key.size());
      }
    };
    take("DEVPATH=", path);
    take("EVENT=", event);
    take("PID=", pid);
    take("STATS_PATH=", stats_path);
  }
  if (path != "/devices/virtual/misc/kvm" || (event != "create" && event != "destroy")) {
    return std::nullopt;
  }
  KvmUevent result;
  result.kind = event == "create" ? KvmUevent::Kind::kCreate : KvmUevent::Kind::kDestroy;
  if (const auto creator = parse_u32(pid); creator && *creator > 0 && *creator <= INT32_MAX) {
    result.creator = static_cast<pid_t>(*creator);
  }
  result.stats_path = stats_path;
  return result;
}

Result<KvmUevents> KvmUevents::open() {
  UniqueFd socket(
      ::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT));
  if (!socket.valid()) {
    return no_socket(errno);
  }
  enlarge_queue(socket.get());
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = kKernelGroup;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return no_socket(errno);
  }
  return KvmUevents(std::move(socket));
}

Result<bool> KvmUevents::drain() {
  bool changed = false;
  std::array<char, kMessageSize> buffer;
  for (int i = 0; i < kMaxMessages; ++i) {
    sockaddr_nl sender{};
    socklen_t sender_size = sizeof(sender);
    const ssize_t got = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0,
                                   reinterpret_cast<sockaddr*>(&sender), &sender_size);
    if (got >= 0) {
      const bool from_kernel =
          sender_size == sizeof(sender) && sender.nl_pid == 0 && sender.nl_groups == kKernelGroup;
      const std::string_view message(buffer.data(), static_cast<std::size_t>(got));
      changed = changed || (from_kernel && parse_kvm_uevent(message).has_value());
    } else if (errno == EAGAIN) {
      break;
    } else if (errno == ENOBUFS) {  // messages were lost; those still queued can be read
      changed = true;
    } else if (errno != EINTR) {
      return errno_error(errno, "reading kobject uevents");
    }
  }
  return changed;
}

}  // namespace kvmtsc
