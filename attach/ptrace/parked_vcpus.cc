#include "attach/ptrace/parked_vcpus.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "attach/ptrace/kvm_calls.h"
#include "base/file.h"
#include "base/parse.h"

namespace kvmtsc::injection {
namespace {

// The descriptor whose KVM_RUN a thread is in, by /proc/<pid>/task/<tid>/syscall (proc(5)): "16 0xd
// 0xae80 ..." while it waits there. A thread that has a CPU shows "running"; one of those is found
// by the call that then does not return.
std::optional<int> running_vcpu(const HostRoot& root, pid_t process, Tid thread) {
  std::array<char, 256> buffer{};
  const std::string path = root.proc + "/" + std::to_string(process) + "/task/" +
                           std::to_string(thread.value) + "/syscall";
  const auto text = read_small_file_at(AT_FDCWD, path.c_str(), buffer);
  const auto words = text ? split(*text, ' ') : std::vector<std::string_view>{};
  constexpr std::string_view kKvmRun = "0xae80";
  if (words.size() < 3 || words[0] != std::to_string(SYS_ioctl) || words[2] != kKvmRun) {
    return std::nullopt;
  }
  int fd = 0;
  for (const char c : words[1].substr(2)) {  // after "0x"
    fd = fd * 16 + (c >= 'a' ? c - 'a' + 10 : c - '0');
  }
  return fd;
}

}  // namespace

void ParkedVcpus::add(const WantedOffset& wanted, int descriptor, OffsetFiles&& files) {
  VcpuWrite report;
  report.id = wanted.id;
  report.wanted = wanted.offset;
  vcpus_.push_back({report, wanted.expected, descriptor, std::move(files)});
}

void ParkedVcpus::note(Vcpu& vcpu, const Error& error) {
  if (!vcpu.report.error) {
    vcpu.report.error = error;
  }
}

Status ParkedVcpus::nobody_runs_them(const HostRoot& root, pid_t process) const {
  const auto names = list_directory(root.proc + "/" + std::to_string(process) + "/task");
  if (!names) {
    return names.error();
  }
  for (const std::string& name : *names) {
    const auto number = parse_u32(name);
    const auto fd =
        number ? running_vcpu(root, process, Tid{static_cast<pid_t>(*number)}) : std::nullopt;
    const auto run = std::ranges::find_if(vcpus_, [&](const Vcpu& vcpu) { return vcpu.fd == fd; });
    if (fd && run != vcpus_.end()) {
      return Error{
          ErrorKind::kRefused,
          vcpu_name(run->report.id) + " is run by thread " + name + ", which KVM has not named yet",
          "try again"};
    }
  }
  return ok_status();
}

Status ParkedVcpus::carry(const HostRoot& root, pid_t process, Reserved&& carrier,
                          const ProcessLayout& layout, MonotonicTime deadline) {
  if (auto interrupted = carrier.attachment.interrupt(); !interrupted) {
    return interrupted;
  }
  auto state = take_hold(root, std::move(carrier), layout, deadline);
  if (!state) {
    return state.error();
  }
  carrier_.emplace(*std::move(state));
  if (auto free = nobody_runs_them(root, process); !free) {
    return free;
  }
  return OffsetArguments::place(*carrier_, 0);
}

std::optional<std::int64_t> ParkedVcpus::read_by_call(Vcpu& vcpu, MonotonicTime deadline) {
  const auto result = carrier_->call(OffsetArguments::read_call(*carrier_, vcpu.fd), deadline);
  if (!result) {
    note(vcpu, result.error());
    return std::nullopt;
  }
  if (*result != 0) {
    note(vcpu, ioctl_error("KVM_GET_DEVICE_ATTR", *result));
    return std::nullopt;
  }
  const auto offset = OffsetArguments::offset_read(*carrier_);
  if (!offset) {
    note(vcpu, offset.error());
    return std::nullopt;
  }
  return *offset;
}

std::optional<std::int64_t> ParkedVcpus::read(Vcpu& vcpu, MonotonicTime deadline) {
  const auto offset = vcpu.files.read();
  return offset ? offset : read_by_call(vcpu, deadline);
}

bool ParkedVcpus::write(Vcpu& vcpu, std::int64_t offset, MonotonicTime deadline) {
  if (auto set = OffsetArguments::set_offset_to_write(*carrier_, offset); !set) {
    note(vcpu, set.error());
    return false;
  }
  vcpu.write_begun = true;
  const auto result = carrier_->call(OffsetArguments::write_call(*carrier_, vcpu.fd), deadline);
  if (!result) {
    note(vcpu, result.error());
    return false;
  }
  if (*result != 0) {
    note(vcpu, ioctl_error("KVM_SET_DEVICE_ATTR", *result));
    return false;
  }
  return true;
}

Status ParkedVcpus::read_before(MonotonicTime deadline) {
  for (Vcpu& vcpu : vcpus_) {
    vcpu.report.before = read(vcpu, deadline);
    if (!vcpu.report.before) {
      return *vcpu.report.error;
    }
    if (vcpu.expected && *vcpu.expected != *vcpu.report.before) {
      return offset_conflict(vcpu.report.id, *vcpu.expected, *vcpu.report.before);
    }
  }
  return ok_status();
}

void ParkedVcpus::write_all(MonotonicTime deadline) {
  for (Vcpu& vcpu : vcpus_) {
    vcpu.report.accepted = write(vcpu, vcpu.report.wanted, deadline);
  }
  for (Vcpu& vcpu : vcpus_) {
    vcpu.report.read_back = read(vcpu, deadline);
  }
}

bool ParkedVcpus::all_applied() const {
  return std::ranges::all_of(vcpus_, [](const Vcpu& vcpu) { return vcpu.report.applied(); });
}

void ParkedVcpus::put_back(MonotonicTime deadline) {
  for (Vcpu& vcpu : vcpus_) {
    if (vcpu.write_begun) {
      write(vcpu, *vcpu.report.before, deadline);
      vcpu.report.after_rollback = read_by_call(vcpu, deadline);
    } else {
      vcpu.report.after_rollback = vcpu.report.before;
    }
  }
}

std::vector<VcpuWrite> ParkedVcpus::release() {
  carrier_.reset();
  std::vector<VcpuWrite> reports;
  for (Vcpu& vcpu : vcpus_) {
    reports.push_back(std::move(vcpu.report));
  }
  return reports;
}

}  // namespace kvmtsc::injection
