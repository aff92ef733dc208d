#include "exporter/http/listen_socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/unique_fd.h"

namespace kvmtsc::http {
namespace {

constexpr mode_t kSocketMode = 0660;

union SocketAddress {
  sockaddr any;
  sockaddr_in ipv4;
  sockaddr_in6 ipv6;
  sockaddr_un local;
};

socklen_t fill(const ListenAddress& address, SocketAddress& out) {
  std::memset(&out, 0, sizeof(out));
  switch (address.family) {
    case ListenAddress::Family::kIpv6:
      out.ipv6.sin6_family = AF_INET6;
      out.ipv6.sin6_port = htons(address.port);
      inet_pton(AF_INET6, address.host.c_str(), &out.ipv6.sin6_addr);
      return sizeof(out.ipv6);
    case ListenAddress::Family::kUnix:
      out.local.sun_family = AF_UNIX;
      address.host.copy(out.local.sun_path, sizeof(out.local.sun_path) - 1);
      return sizeof(out.local);
    case ListenAddress::Family::kIpv4:
      break;
  }
  out.ipv4.sin_family = AF_INET;
  out.ipv4.sin_port = htons(address.port);
  inet_pton(AF_INET, address.host.c_str(), &out.ipv4.sin_addr);
  return sizeof(out.ipv4);
}

Error listen_error(int error_number, const ListenAddress& address) {
  Error error = errno_error(error_number, "cannot listen on " + address.text());
  const bool local = address.family == ListenAddress::Family::kUnix;
  switch (error_number) {
    case EADDRINUSE:
      error.remedy = local ? "another process listens there; stop it or choose another path"
                           : "another process has this port (ss -ltnp shows which); stop it or "
                             "choose another port";
      break;
    case EADDRNOTAVAIL:
      error.remedy = "no interface of this host has this address; 'ip address' lists them";
      break;
    case EAFNOSUPPORT:
      error.remedy = "this host has no IPv6; leave this address out";
      break;
    case EACCES:
    case EPERM:
      error.remedy = local ? "make the directory writable for this service's user"
                           : "choose a port above 1023 or grant CAP_NET_BIND_SERVICE";
      break;
    case ENOENT:
    case ENOTDIR:
      error.remedy = "create the directory of the socket first";
      break;
    default:
      break;
  }
  return error;
}

}  // namespace

Status remove_stale_socket(const ListenAddress& address) {
  struct stat status {};
  if (address.family != ListenAddress::Family::kUnix) {
    return ok_status();
  }
  if (::lstat(address.host.c_str(), &status) != 0) {
    return errno == ENOENT ? ok_status() : Status(listen_error(errno, address));
  }
  if (!S_ISSOCK(status.st_mode)) {
    return Error{ErrorKind::kRefused,
                 "cannot listen on " + address.text() + ": there is a file that is not a socket",
                 "move it away or choose another path"};
  }
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe.valid()) {
    return listen_error(errno, address);
  }
  SocketAddress peer;
  const socklen_t length = fill(address, peer);
  if (::connect(probe.get(), &peer.any, length) == 0 || errno == EAGAIN) {
    return listen_error(EADDRINUSE, address);
  }
  if (errno != ECONNREFUSED) {
    return listen_error(errno, address);
  }
  if (::unlink(address.host.c_str()) != 0 && errno != ENOENT) {
    return listen_error(errno, address);
  }
  return ok_status();
}

Status try_to_listen(const ListenAddress& address) {
  SocketAddress name;
  const socklen_t length = fill(address, name);
  const UniqueFd fd(::socket(name.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) {
    return listen_error(errno, address);
  }
  const int on = 1;
  if (address.family != ListenAddress::Family::kUnix) {
    ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  }
  if (address.family == ListenAddress::Family::kIpv6) {
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  }
  if (::bind(fd.get(), &name.any, length) != 0) {
    return listen_error(errno, address);
  }
  const bool listening = ::listen(fd.get(), 1) == 0;
  const int error_number = errno;
  if (address.family == ListenAddress::Family::kUnix) {
    ::unlink(address.host.c_str());
  }
  return listening ? ok_status() : Status(listen_error(error_number, address));
}

Result<SocketFile> SocketFile::adopt(const ListenAddress& address) {
  struct stat status {};
  if (::chmod(address.host.c_str(), kSocketMode) != 0 ||
      ::lstat(address.host.c_str(), &status) != 0) {
    return listen_error(errno, address);
  }
  return SocketFile(address.host, status);
}

SocketFile::SocketFile(std::string path, const struct stat& status)
    : path_(std::move(path)), device_(status.st_dev), inode_(status.st_ino) {}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}

SocketFile::~SocketFile() {
  struct stat status {};
  if (!path_.empty() && ::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ &&
      status.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

}  // namespace kvmtsc::http
