// What a server library leaves to its user when it listens: socket files, and saying why it failed.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include "base/listen_address.h"
#include "base/result.h"

namespace kvmtsc::http {

// Makes way for a socket file: removes one that nobody listens on. kIo "address in use" when
// somebody does, kRefused when there is a file that is not a socket. Does nothing for other
// families.
Status remove_stale_socket(const ListenAddress& address);

// Tries to listen on `address` and stops at once: an error says why that cannot be done and how to
// mend it. For finding out which of several addresses a library could not listen on.
Status try_to_listen(const ListenAddress& address);

// Removes a socket file when it goes, if it is still the same file. Made after the file.
class SocketFile {
 public:
  // Gives the file mode 0660. The address must be of family kUnix.
  static Result<SocketFile> adopt(const ListenAddress& address);

  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&&) = delete;
  ~SocketFile();

 private:
  SocketFile(std::string path, const struct stat& status);

  std::string path_;  // empty once moved from
  dev_t device_;
  ino_t inode_;
};

}  // namespace kvmtsc::http
