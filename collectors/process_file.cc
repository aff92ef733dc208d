#include "collectors/process_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/parse.h"
#include "base/proc_text.h"
#include "base/unique_fd.h"

namespace kvmtsc {
namespace {

constexpr std::size_t kMaxMounts = std::size_t{1} << 20;
constexpr std::array<std::string_view, 12> kLocal{"ext2",  "ext3",     "ext4",  "xfs",
                                                  "btrfs", "bcachefs", "zfs",   "f2fs",
                                                  "tmpfs", "ramfs",    "erofs", "squashfs"};

// An overlay's layers are mounts of their own; of one in user space it is named fuse.
bool is_local(std::string_view type) {
  return type == "overlay" || std::find(kLocal.begin(), kLocal.end(), type) != kLocal.end();
}

// The type of the file system that `directory` is on, by the process's own list of mounts
// (proc_pid_mountinfo(5)); empty where that has no such mount. Paths would not tell: a process may
// have stacked mounts, or a root below that of its mount namespace.
std::string file_system_of(const UniqueFd& directory, const std::string& mounts) {
  const auto info = read_file("/proc/self/fdinfo/" + std::to_string(directory.get()), kMaxMounts);
  const auto id = info ? status_field(*info, "mnt_id") : std::nullopt;
  for (const std::string_view line : split(mounts, '\n')) {
    const auto fields = split(line, ' ');
    const auto dash = std::find(fields.begin(), fields.end(), "-");
    if (id && fields.front() == *id && fields.end() - dash >= 2) {
      return std::string(*(dash + 1));
    }
  }
  return {};
}

Result<std::string> read_regular(const UniqueFd& fd, const std::string& path, std::size_t limit) {
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    return errno_error(errno, path);
  }
  if (!S_ISREG(status.st_mode)) {
    return Error{ErrorKind::kRefused, path + ": not a regular file", {}};
  }
  std::string content(limit + 1, '\0');
  const ssize_t got = ::pread(fd.get(), content.data(), content.size(), 0);
  if (got < 0) {
    return errno_error(errno, path);
  }
  if (static_cast<std::size_t>(got) > limit) {
    return Error{
        ErrorKind::kRefused, path + ": longer than " + std::to_string(limit) + " bytes", {}};
  }
  content.resize(static_cast<std::size_t>(got));
  return content;
}

}  // namespace

Result<std::string> read_process_file(const HostRoot& root, pid_t pid, std::string_view path,
                                      std::size_t limit) {
  const std::string process = root.proc + "/" + std::to_string(pid);
  const std::string named(path);
  const std::string begin = process + (path.starts_with('/') ? "/root" : "/cwd");
  const UniqueFd directory(::open(begin.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) {
    return errno_error(errno, begin);
  }
  const auto mounts = read_file(process + "/mountinfo", kMaxMounts);
  if (!mounts) {
    return mounts.error();
  }
  if (const std::string type = file_system_of(directory, *mounts); !is_local(type)) {
    return Error{ErrorKind::kRefused,
                 named + ": on a file system that could keep us waiting, " +
                     (type.empty() ? "which is not known" : type),
                 {}};
  }
  open_how how{};
  how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
  const UniqueFd fd(
      static_cast<int>(::syscall(SYS_openat2, directory.get(), named.c_str(), &how, sizeof how)));
  if (!fd.valid()) {
    const int why = errno;
    Error error = errno_error(why, named);
    if (why == ENOSYS) {
      error.kind = ErrorKind::kUnsupported;
    } else if (error.kind == ErrorKind::kIo) {
      error.kind = ErrorKind::kRefused;
    }
    return error;
  }
  return read_regular(fd, named, limit);
}

}  // namespace kvmtsc
