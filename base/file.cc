#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <memory>

namespace kvmtsc {
namespace {

struct CloseDir {
  void operator()(DIR* dir) const { ::closedir(dir); }
};

ssize_t read_retrying(int fd, char* data, std::size_t size) {
  ssize_t got = 0;
  do {
    got = ::read(fd, data, size);
  } while (got < 0 && errno == EINTR);
  return got;
}

Error too_long(const std::string& path, std::size_t limit) {
  return Error{ErrorKind::kInvalid,
               path + ": longer than the " + std::to_string(limit) + " bytes such a file can have",
               {}};
}

}  // namespace

Result<UniqueFd> open_directory_at(int directory, const char* path) {
  UniqueFd fd(::openat(directory, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) {
    return errno_error(errno, path);
  }
  return fd;
}

Result<UniqueFd> open_directory(const std::string& path) {
  return open_directory_at(AT_FDCWD, path.c_str());
}

Result<std::string_view> read_small_file_at(int directory, const char* path,
                                            std::span<char> buffer) {
  const UniqueFd fd(::openat(directory, path, O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return errno_error(errno, path);
  }
  const ssize_t got = read_retrying(fd.get(), buffer.data(), buffer.size());
  if (got < 0) {
    return errno_error(errno, path);
  }
  const auto size = static_cast<std::size_t>(got);
  if (size == buffer.size()) {
    return too_long(path, buffer.size() - 1);
  }
  return std::string_view(buffer.data(), size);
}

Result<std::string> read_file(const std::string& path, std::size_t max_bytes) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return errno_error(errno, path);
  }
  std::string content;
  std::array<char, 4096> chunk{};
  while (true) {
    const ssize_t got = read_retrying(fd.get(), chunk.data(), chunk.size());
    if (got < 0) {
      return errno_error(errno, path);
    }
    if (got == 0) {
      return content;
    }
    content.append(chunk.data(), static_cast<std::size_t>(got));
    if (content.size() > max_bytes) {
      return too_long(path, max_bytes);
    }
  }
}

Result<std::vector<std::string>> list_directory_at(int directory, const char* path) {
  auto fd = open_directory_at(directory, path);
  if (!fd) {
    return fd.error();
  }
  const std::unique_ptr<DIR, CloseDir> dir(::fdopendir(fd->get()));
  if (!dir) {
    return errno_error(errno, path);
  }
  fd->release();  // closedir closes it
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());
    if (entry == nullptr) {
      if (errno != 0) {
        return errno_error(errno, path);
      }
      return names;
    }
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") {
      names.emplace_back(name);
    }
  }
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  return list_directory_at(AT_FDCWD, path.c_str());
}

Result<std::string> read_link(const std::string& path) {
  std::array<char, 4096> target{};
  const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
  if (size < 0) {
    return errno_error(errno, path);
  }
  return std::string(target.data(), static_cast<std::size_t>(size));
}

}  // namespace kvmtsc
