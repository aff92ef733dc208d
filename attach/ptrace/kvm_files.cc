#include "attach/ptrace/kvm_files.h"

#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "base/file.h"
#include "base/parse.h"

namespace kvmtsc::injection {
namespace {

constexpr std::string_view kVmLink = "anon_inode:kvm-vm";
constexpr std::string_view kVcpuLink = "anon_inode:kvm-vcpu:";

// False also where the kernel cannot tell (no CONFIG_KCMP): an ambiguity then remains one.
bool same_file(pid_t process, int a, int b) {
  return ::syscall(SYS_kcmp, process, process, KCMP_FILE, a, b) == 0;
}

void add(pid_t process, int fd, std::vector<FileDescriptors>& files) {
  const auto file = std::find_if(files.begin(), files.end(), [&](const FileDescriptors& known) {
    return same_file(process, known.front(), fd);
  });
  if (file == files.end()) {
    files.push_back({fd});
  } else {
    file->push_back(fd);
  }
}

}  // namespace

std::optional<VcpuId> vcpu_of_link(std::string_view link) {
  return link.starts_with(kVcpuLink) ? parse_u32(link.substr(kVcpuLink.size())) : std::nullopt;
}

bool is_vm_link(std::string_view link) {
  return link == kVmLink;
}

Result<KvmFiles> read_kvm_files(const HostRoot& root, pid_t process) {
  const std::string directory = root.proc + "/" + std::to_string(process) + "/fd";
  const auto names = list_directory(directory);
  if (!names) {
    return names.error();
  }
  std::vector<int> descriptors;
  for (const std::string& name : *names) {
    if (const auto fd = parse_u32(name)) {
      descriptors.push_back(static_cast<int>(*fd));
    }
  }
  std::sort(descriptors.begin(), descriptors.end());
  KvmFiles files;
  for (const int fd : descriptors) {
    const auto link = read_link(directory + "/" + std::to_string(fd));
    if (!link && link.error().kind == ErrorKind::kPermission) {
      return Error{ErrorKind::kPermission,
                   "the descriptors of process " + std::to_string(process) + " may not be read",
                   "run the service as root or with CAP_SYS_PTRACE"};
    }
    if (!link) {
      continue;
    }
    if (is_vm_link(*link)) {
      add(process, fd, files.vms);
    } else if (const auto vcpu = vcpu_of_link(*link)) {
      add(process, fd, files.vcpus[*vcpu]);
    }
  }
  return files;
}

}  // namespace kvmtsc::injection
