// Listener: one listening socket, and the socket file where there is one.
#pragma once

#include <sys/stat.h>

#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"
#include "exporter/http/listen_address.h"

namespace kvmtsc::http {

class Listener {
 public:
  // Binds and listens. The socket is non-blocking and closed on exec. A unix socket has mode 0660;
  // a stale file there (a socket that nobody listens on) is replaced; one that somebody listens on,
  // and anything that is not a socket, is an error. Errors name the address and the remedy.
  static Result<Listener> open(const ListenAddress& address);

  // Removes the socket file, if it is still the one made here.
  ~Listener();
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&&) = delete;

  int fd() const { return fd_.get(); }
  // With the real port.
  const ListenAddress& address() const { return address_; }

 private:
  struct SocketFile {
    dev_t device;
    ino_t inode;
  };
  Listener(UniqueFd fd, ListenAddress address, std::optional<SocketFile> file);

  UniqueFd fd_;
  ListenAddress address_;
  std::optional<SocketFile> file_;
};

}  // namespace kvmtsc::http
