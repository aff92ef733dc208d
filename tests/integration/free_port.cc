#include "tests/integration/free_port.h"

#include <sys/socket.h>

#include <cerrno>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/unique_fd.h"

namespace kvmtsc::integration {

Result<std::uint16_t> free_port() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) {
    return errno_error(errno, "looking for a free port");
  }
  return ntohs(address.sin_port);
}

}  // namespace kvmtsc::integration
