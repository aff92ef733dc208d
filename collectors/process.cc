#include "collectors/process.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <optional>

#include "base/file.h"
#include "base/parse.h"
#include "base/proc_text.h"
#include "base/unique_fd.h"

namespace kvmtsc {
namespace {

constexpr std::size_t kMaxFile = std::size_t{64} * 1024;  // of the files with a few lines
constexpr std::string_view kVmLink = "anon_inode:kvm-vm";

Error malformed(const std::string& path) {
  return Error{ErrorKind::kInvalid, path + ": not in the form that proc(5) describes", {}};
}

// The first `limit` bytes of a file, or all of it if it is shorter.
Result<std::string> read_front(const std::string& path, std::size_t limit) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return errno_error(errno, path);
  }
  std::string content;
  std::array<char, 16384> chunk{};
  while (content.size() < limit) {
    const ssize_t got = ::read(fd.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return errno_error(errno, path);
    }
    if (got == 0) {
      return content;
    }
    content.append(chunk.data(), static_cast<std::size_t>(got));
  }
  content.resize(limit);
  return content;
}

// The path of a line "hierarchy:controllers:path" (cgroups(7)); absent if it is none.
struct CgroupLine {
  std::string_view controllers;
  std::string_view path;
};
std::optional<CgroupLine> parse_cgroup_line(std::string_view line) {
  const auto first = line.find(':');
  const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
  if (second == std::string_view::npos) {
    return std::nullopt;
  }
  return CgroupLine{line.substr(first + 1, second - first - 1), line.substr(second + 1)};
}

}  // namespace

Result<pid_t> Process::thread_group() const {
  const std::string path = directory_ + "/status";
  const auto status = read_file(path, kMaxFile);
  if (!status) {
    return status.error();
  }
  const auto group = status_field(*status, "Tgid");
  const auto id = group ? parse_u32(*group) : std::nullopt;
  if (!id || *id == 0 || *id > INT32_MAX) {
    return malformed(path);
  }
  return static_cast<pid_t>(*id);
}

Result<std::uint64_t> Process::start_time() const {
  const std::string path = directory_ + "/stat";
  const auto stat = read_file(path, kMaxFile);
  if (!stat) {
    return stat.error();
  }
  const auto start = stat_field(*stat, kStatStartTime);
  if (!start) {
    return malformed(path);
  }
  return *start;
}

Result<std::string> Process::comm() const {
  auto comm = read_file(directory_ + "/comm", kMaxFile);
  if (comm && comm->ends_with('\n')) {
    comm->pop_back();
  }
  return comm;
}

Result<std::vector<std::string>> Process::arguments() const {
  const auto content = read_front(directory_ + "/cmdline", kMaxCommandLine);
  if (!content) {
    return content.error();
  }
  const auto pieces = split(*content, '\0');
  std::vector<std::string> arguments(pieces.begin(), pieces.end());
  if (content->size() == kMaxCommandLine && !arguments.back().empty()) {
    arguments.pop_back();
  }
  while (!arguments.empty() && arguments.back().empty()) {
    arguments.pop_back();
  }
  return arguments;
}

Result<std::string> Process::cgroup() const {
  const auto content = read_file(directory_ + "/cgroup", kMaxFile);
  if (!content) {
    return content.error();
  }
  std::string best;
  int best_rank = 0;
  for (const std::string_view line : split(*content, '\n')) {
    const auto parsed = parse_cgroup_line(line);
    if (!parsed) {
      continue;
    }
    const bool deep = parsed->path != "/";
    const int rank = (deep ? 10 : 0) + (parsed->controllers.empty()             ? 3
                                        : parsed->controllers == "name=systemd" ? 2
                                                                                : 1);
    if (rank > best_rank) {
      best = parsed->path;
      best_rank = rank;
    }
  }
  return best;
}

Result<bool> Process::is_vm(int fd) const {
  const auto target = read_link(directory_ + "/fd/" + std::to_string(fd));
  if (!target) {
    if (target.error().kind == ErrorKind::kNotFound) {
      return false;
    }
    return target.error();
  }
  return *target == kVmLink;
}

Result<bool> Process::has_vm() const {
  const auto names = list_directory(directory_ + "/fd");
  if (!names) {
    return names.error();
  }
  for (const std::string& name : *names) {
    // A descriptor closed since then is no error.
    const auto target = read_link(directory_ + "/fd/" + name);
    if (target && *target == kVmLink) {
      return true;
    }
  }
  return false;
}

}  // namespace kvmtsc
