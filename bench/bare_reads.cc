#include "bench/bare_reads.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/file.h"

namespace kvmtsc::bench {
namespace {

std::vector<std::string> files_of(int directory, const VmReading& reading) {
  std::vector<std::string> files;
  for (const VcpuReading& vcpu : reading.vcpus) {
    const std::string base = "vcpu" + std::to_string(vcpu.id) + "/";
    const auto add_if_there = [&](const std::string& file) {
      if (::faccessat(directory, file.c_str(), F_OK, 0) == 0) {
        files.push_back(file);
      }
    };
    add_if_there(base + "guest_mode");
    files.push_back(base + "tsc-offset");
    add_if_there(base + "tsc-scaling-ratio");
    add_if_there(base + "guest_mode");
  }
  if (std::ranges::any_of(reading.vcpus, [&](const VcpuReading& vcpu) {
        return vcpu.offset != reading.vcpus.front().offset;
      })) {
    for (const VcpuReading& vcpu : reading.vcpus) {
      files.push_back("vcpu" + std::to_string(vcpu.id) + "/tsc-offset");
    }
  }
  return files;
}

}  // namespace

Result<BareReads> BareReads::of(const std::string& debugfs, const Snapshot& snapshot) {
  BareReads reads;
  for (const VmState& vm : snapshot.vms) {
    if (!vm.reading) {
      continue;
    }
    auto fd = open_directory(debugfs + "/kvm/" + directory_name(vm.key));
    if (!fd) {
      return fd.error();
    }
    auto files = files_of(fd->get(), *vm.reading);
    reads.directories_.push_back({*std::move(fd), std::move(files)});
  }
  return reads;
}

Status BareReads::run() const {
  std::array<char, 64> buffer;
  for (const Directory& directory : directories_) {
    for (const std::string& file : directory.files) {
      const int fd = ::openat(directory.fd.get(), file.c_str(), O_RDONLY | O_CLOEXEC);
      if (fd < 0) {
        return errno_error(errno, file);
      }
      const ssize_t got = ::read(fd, buffer.data(), buffer.size());
      ::close(fd);
      if (got <= 0) {
        return Error{ErrorKind::kGone, file + ": nothing to read", {}};
      }
    }
  }
  return ok_status();
}

std::size_t BareReads::files() const {
  std::size_t files = 0;
  for (const Directory& directory : directories_) {
    files += directory.files.size();
  }
  return files;
}

}  // namespace kvmtsc::bench
