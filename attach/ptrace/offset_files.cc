#include "attach/ptrace/offset_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>

#include "base/parse.h"

namespace kvmtsc::injection {
namespace {

std::optional<std::int64_t> read_number(const UniqueFd& file) {
  std::array<char, 32> text{};
  const ssize_t got = file.valid() ? ::read(file.get(), text.data(), text.size()) : -1;
  return got > 0 ? parse_i64({text.data(), static_cast<std::size_t>(got)}) : std::nullopt;
}

}  // namespace

OffsetFiles::OffsetFiles(const HostRoot& root, const VmKey& vm, VcpuId vcpu) {
  const std::string directory =
      root.debugfs + "/kvm/" + directory_name(vm) + "/vcpu" + std::to_string(vcpu);
  for (Reading& reading : readings_) {
    reading.guest_mode.reset(::open((directory + "/guest_mode").c_str(), O_RDONLY | O_CLOEXEC));
    reading.offset.reset(::open((directory + "/tsc-offset").c_str(), O_RDONLY | O_CLOEXEC));
  }
}

std::optional<std::int64_t> OffsetFiles::read() {
  if (used_ == readings_.size()) {
    return std::nullopt;
  }
  const Reading& reading = readings_[used_++];
  return read_number(reading.guest_mode) == 0 ? read_number(reading.offset) : std::nullopt;
}

}  // namespace kvmtsc::injection
