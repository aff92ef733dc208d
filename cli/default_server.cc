#include "cli/default_server.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <optional>
#include <sstream>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/file.h"
#include "base/unique_fd.h"

namespace kvmtsc {
namespace {

constexpr std::size_t kLongestTable = std::size_t{16} << 20;
constexpr unsigned kListening = 0x0A;  // TCP_LISTEN (include/net/tcp_states.h)

// 0, or the errno of connect(2). Who takes no more connections for now is there all the same.
int connect_error(int family, const sockaddr* address, socklen_t size) {
  constexpr timeval kPatience{1, 0};
  const UniqueFd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid() ||
      ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience)) != 0) {
    return errno;
  }
  const int error = ::connect(socket.get(), address, size) == 0 ? 0 : errno;
  return error == EINPROGRESS || error == EAGAIN ? 0 : error;
}

int socket_error(const std::string& path) {
  sockaddr_un address{};
  if (path.size() >= sizeof(address.sun_path)) {
    return ENAMETOOLONG;
  }
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return connect_error(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

int port_error(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return connect_error(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

// Who listens at the port of 127.0.0.1, or of all addresses (proc(5), /proc/net/tcp).
std::optional<uid_t> listener_of(std::uint16_t port, const std::string& procfs) {
  const auto table = read_file(procfs + "/net/tcp", kLongestTable);
  std::istringstream lines(table ? *table : "");
  std::string line;
  while (std::getline(lines, line)) {
    unsigned address = 0;
    unsigned there = 0;
    unsigned state = 0;
    unsigned uid = 0;
    if (std::sscanf(line.c_str(), " %*u: %x:%x %*s %x %*s %*s %*s %u", &address, &there, &state,
                    &uid) == 4 &&
        state == kListening && there == port &&
        (address == htonl(INADDR_LOOPBACK) || address == htonl(INADDR_ANY))) {
      return uid;
    }
  }
  return std::nullopt;
}

}  // namespace

DefaultServer find_server(bool credentials, const DefaultPlaces& places,
                          const std::string& procfs) {
  const std::string socket = "unix:" + places.socket;
  const std::string tcp = "http://127.0.0.1:" + std::to_string(places.port);
  const int error = socket_error(places.socket);
  if (error != ENOENT && error != ECONNREFUSED) {
    return {socket, "its unix socket", {}};
  }
  if (port_error(places.port) != 0) {
    return {socket, {}, "nor does anybody answer at " + tcp};
  }
  const auto uid = listener_of(places.port, procfs);
  if (credentials && (!uid || (*uid != 0 && *uid != ::geteuid()))) {
    return {
        socket,
        {},
        "at " + tcp + (uid ? " user " + std::to_string(*uid) : " somebody unknown") +
            " listens, who is not given your token or password unless you name it with --server"};
  }
  return {tcp, "where it listens without options, for there is no unix socket", {}};
}

}  // namespace kvmtsc
