#include "tests/integration/debugfs.h"

#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "base/parse.h"

namespace kvmtsc::integration {
namespace {

constexpr const char* kUsualPath = "/sys/kernel/debug";

}  // namespace

Result<std::unique_ptr<Debugfs>> Debugfs::open() {
  std::unique_ptr<Debugfs> debugfs(new Debugfs());
  debugfs->path_ = kUsualPath;
  if (list_directory(debugfs->path_ + "/kvm").ok()) {
    return debugfs;
  }
  auto mount_point = std::make_unique<TempDir>();
  if (::mount("debugfs", mount_point->path().c_str(), "debugfs", 0, nullptr) != 0) {
    Error error = errno_error(errno, "a readable debugfs; mounting one");
    error.remedy = "run as root";
    return error;
  }
  debugfs->mount_point_ = std::move(mount_point);
  debugfs->path_ = debugfs->mount_point_->path();
  if (const auto listed = list_directory(debugfs->path_ + "/kvm"); !listed) {
    return listed.error();
  }
  return debugfs;
}

Debugfs::~Debugfs() {
  if (mount_point_) {
    ::umount2(mount_point_->path().c_str(), MNT_DETACH);
  }
}

bool Debugfs::has_vm(const std::string& vm) const {
  return ::access((path_ + "/kvm/" + vm).c_str(), F_OK) == 0;
}

Result<std::vector<VcpuId>> Debugfs::vcpus(const std::string& vm) const {
  constexpr std::string_view kPrefix = "vcpu";
  const auto names = list_directory(path_ + "/kvm/" + vm);
  if (!names) {
    return names.error();
  }
  std::vector<VcpuId> ids;
  for (const std::string& name : *names) {
    if (!name.starts_with(kPrefix)) {
      continue;
    }
    if (const auto id = parse_u32(std::string_view(name).substr(kPrefix.size()))) {
      ids.push_back(*id);
    }
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

Result<std::int64_t> Debugfs::tsc_offset(const std::string& vm, VcpuId vcpu) const {
  const std::string path = path_ + "/kvm/" + vm + "/vcpu" + std::to_string(vcpu) + "/tsc-offset";
  const auto text = read_file(path, 64);
  if (!text) {
    return text.error();
  }
  const auto offset = parse_i64(*text);
  if (!offset) {
    return Error{ErrorKind::kInvalid, path + ": not a number: " + *text, ""};
  }
  return *offset;
}

}  // namespace kvmtsc::integration
