#include "attach/ptrace/vm_access.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "attach/ptrace/kvm_calls.h"
#include "attach/ptrace/thread_facts.h"
#include "base/file.h"
#include "base/parse.h"

namespace kvmtsc::injection {
namespace {

// PROC_PID_INIT_INO: the inode number of the initial PID namespace.
constexpr std::string_view kInitialPidNamespace = "pid:[4026531836]";

std::string name_of(const VmKey& vm) {
  return "VM " + directory_name(vm);
}

Error ambiguous(const VmKey& vm, const std::string& why) {
  return Error{ErrorKind::kRefused,
               name_of(vm) + ": cannot tell its file descriptors from another VM's: " + why,
               "run one VM in a process, or use the VMM's agent library"};
}

// "<creator>-<fd>"
std::optional<VmKey> parse_directory_name(std::string_view name) {
  const auto parts = split(name, '-');
  const auto creator = parts.size() == 2 ? parse_u32(parts[0]) : std::nullopt;
  const auto fd = parts.size() == 2 ? parse_u32(parts[1]) : std::nullopt;
  if (!creator || !fd) {
    return std::nullopt;
  }
  return VmKey{static_cast<pid_t>(*creator), static_cast<int>(*fd), 0};
}

std::optional<pid_t> process_of(const HostRoot& root, Tid thread) {
  // Any thread's number leads to its process, though only the main threads' are listed.
  const auto facts = read_thread_facts(root, thread.value, thread);
  return facts ? std::optional{facts->process} : std::nullopt;
}

VmDirectory read_directory(const HostRoot& root, const VmKey& key) {
  VmDirectory directory{key, {}};
  const std::string path = root.debugfs + "/kvm/" + directory_name(key);
  const auto names = list_directory(path);
  if (!names) {
    return directory;  // destroyed meanwhile
  }
  for (const std::string& name : *names) {
    const auto id = name.starts_with("vcpu") ? parse_u32(std::string_view{name}.substr(4))
                                             : std::optional<std::uint32_t>{};
    if (id) {
      const auto thread = read_vcpu_thread(root, key, *id);
      directory.vcpus[*id] = thread ? std::optional{*thread} : std::nullopt;
      // Nor does it once the VM has gone; but then the vCPU's directory has, too.
      const std::string vcpu = std::string(path).append("/").append(name);
      directory.threads_known = directory.threads_known &&
                                (::access(std::string(vcpu).append("/pid").c_str(), F_OK) == 0 ||
                                 ::access(vcpu.c_str(), F_OK) != 0);
    }
  }
  return directory;
}

bool owned_by(const HostRoot& root, const VmDirectory& directory, pid_t process) {
  // The creating thread may have ended since; then a vCPU's thread says whose VM it is.
  if (const auto owner = process_of(root, Tid{directory.key.creator})) {
    return *owner == process;
  }
  return std::any_of(directory.vcpus.begin(), directory.vcpus.end(), [&](const auto& vcpu) {
    return vcpu.second && process_of(root, *vcpu.second) == process;
  });
}

bool same_name(const VmKey& a, const VmKey& b) {
  return a.creator == b.creator && a.fd == b.fd;
}

// The VM's own descriptor: with one VM there is nothing to confuse; with several, each VM file must
// still have the descriptor that names its directory, and no two directories the same.
Result<int> find_vm_descriptor(const VmKey& vm, const KvmFiles& files,
                               const std::vector<VmDirectory>& directories) {
  if (files.vms.empty()) {
    return Error{ErrorKind::kGone, name_of(vm) + ": its process has no VM open", {}};
  }
  if (files.vms.size() == 1 && directories.size() == 1) {
    return files.vms.front().front();
  }
  std::set<int> named;
  for (const VmDirectory& directory : directories) {
    if (!named.insert(directory.key.fd).second) {
      return ambiguous(vm, "two VMs were given the same descriptor");
    }
  }
  bool found = false;
  for (const FileDescriptors& file : files.vms) {
    const auto known = std::count_if(file.begin(), file.end(),
                                     [&](int fd) { return named.find(fd) != named.end(); });
    if (known != 1) {
      return ambiguous(vm, "a VM was moved to another descriptor");
    }
    found = found || std::find(file.begin(), file.end(), vm.fd) != file.end();
  }
  if (!found) {
    return Error{ErrorKind::kGone, name_of(vm) + ": its process has closed it", {}};
  }
  return vm.fd;
}

}  // namespace

Result<Tid> read_vcpu_thread(const HostRoot& root, const VmKey& vm, VcpuId vcpu) {
  const std::string path =
      root.debugfs + "/kvm/" + directory_name(vm) + "/vcpu" + std::to_string(vcpu) + "/pid";
  std::array<char, 32> buffer{};
  const auto text = read_small_file_at(AT_FDCWD, path.c_str(), buffer);
  if (!text) {
    return text.error();
  }
  const auto thread = parse_u32(*text);
  if (!thread) {
    return Error{ErrorKind::kInvalid, path + ": not a thread", {}};
  }
  if (*thread == 0) {
    return Error{ErrorKind::kNotFound, path + ": the vCPU has not run yet", {}};
  }
  return Tid{static_cast<pid_t>(*thread)};
}

Result<std::vector<VmDirectory>> read_vm_directories(const HostRoot& root, pid_t process) {
  const auto names = list_directory(root.debugfs + "/kvm");
  if (!names) {
    return names.error();
  }
  std::vector<VmDirectory> directories;
  for (const std::string& name : *names) {
    if (const auto key = parse_directory_name(name)) {
      VmDirectory directory = read_directory(root, *key);
      if (owned_by(root, directory, process)) {
        directories.push_back(std::move(directory));
      }
    }
  }
  return directories;
}

Result<VmAccess> find_access(const VmKey& vm, const KvmFiles& files,
                             const std::vector<VmDirectory>& directories,
                             const std::vector<Tid>& threads, pid_t process) {
  const auto directory =
      std::find_if(directories.begin(), directories.end(),
                   [&](const VmDirectory& one) { return same_name(one.key, vm); });
  if (directory == directories.end()) {
    return Error{ErrorKind::kGone, name_of(vm) + " is not there any more", {}};
  }
  if (!std::all_of(directories.begin(), directories.end(),
                   [](const VmDirectory& one) { return one.threads_known; })) {
    return Error{ErrorKind::kUnsupported,
                 name_of(vm) + ": this kernel does not tell which threads run vCPUs (no vcpuN/pid)",
                 "use a newer kernel, or the VMM's agent library"};
  }
  const auto descriptor = find_vm_descriptor(vm, files, directories);
  if (!descriptor) {
    return descriptor.error();
  }
  VmAccess access;
  access.vm_fd = *descriptor;
  std::set<Tid> vcpu_threads;
  for (const VmDirectory& each : directories) {
    for (const auto& [id, thread] : each.vcpus) {
      if (thread) {
        vcpu_threads.insert(*thread);
      }
    }
  }
  for (const auto& [id, thread] : directory->vcpus) {
    const auto open = files.vcpus.find(id);
    if (open == files.vcpus.end()) {
      continue;
    }
    const auto owners =
        std::count_if(directories.begin(), directories.end(),
                      [id = id](const VmDirectory& one) { return one.vcpus.count(id) != 0; });
    const bool ambiguous = open->second.size() > 1 || owners > 1;
    const bool lives =
        thread && std::find(threads.begin(), threads.end(), *thread) != threads.end();
    if (lives) {
      VcpuAccess vcpu{*thread, {}, ambiguous};
      for (const FileDescriptors& file : open->second) {
        vcpu.descriptors.insert(vcpu.descriptors.end(), file.begin(), file.end());
      }
      access.vcpus.emplace(id, std::move(vcpu));
    } else if (!ambiguous) {
      access.parked.emplace(id, open->second.front().front());
    }
  }
  for (const Tid thread : threads) {
    if (vcpu_threads.find(thread) == vcpu_threads.end()) {
      access.other_threads.push_back(thread);
    }
  }
  std::stable_partition(access.other_threads.begin(), access.other_threads.end(),
                        [process](Tid thread) { return thread.value == process; });
  return access;
}

Result<VmAccess> resolve(const HostRoot& root, const AttachTarget& vm) {
  const auto name_space = read_link(root.proc + "/self/ns/pid");
  if (!name_space || *name_space != kInitialPidNamespace) {
    return Error{ErrorKind::kRefused,
                 "the exporter is not in the host's PID namespace, whose numbers KVM uses",
                 "run it on the host, or in a container with the host's PID namespace"};
  }
  const auto start = read_start_time(root, vm.pid);
  if (!start) {
    return start.error();
  }
  if (*start != vm.process_start) {
    return Error{ErrorKind::kGone,
                 "process " + std::to_string(vm.pid) + " is not the one that was found",
                 "its number was re-used; the next sweep will find the VM anew"};
  }
  const auto files = read_kvm_files(root, vm.pid);
  if (!files) {
    return files.error();
  }
  const auto directories = read_vm_directories(root, vm.pid);
  if (!directories) {
    return directories.error();
  }
  const auto names = list_directory(root.proc + "/" + std::to_string(vm.pid) + "/task");
  if (!names) {
    return names.error();
  }
  std::vector<Tid> threads;
  for (const std::string& name : *names) {
    if (const auto number = parse_u32(name)) {
      threads.push_back(Tid{static_cast<pid_t>(*number)});
    }
  }
  std::sort(threads.begin(), threads.end());
  auto access = find_access(vm.key, *files, *directories, threads, vm.pid);
  if (access) {
    std::erase_if(access->other_threads, [&](Tid thread) {
      if (thread.value == vm.pid) {
        return false;
      }
      const auto worker = is_kernel_worker(root, vm.pid, thread);
      return !worker || *worker;  // or it has ended
    });
  }
  return access;
}

std::optional<int> only_descriptor(const VcpuAccess& access) {
  return access.descriptors.size() == 1 ? std::optional{access.descriptors.front()} : std::nullopt;
}

bool inside_kvm_run(const user_regs_struct& stopped) {
  return stopped.orig_rax == SYS_ioctl && static_cast<std::uint32_t>(stopped.rsi) == KVM_RUN;
}

Result<int> choose_descriptor(VcpuId vcpu, const VcpuAccess& access,
                              const user_regs_struct& stopped) {
  const std::string name = vcpu_name(vcpu);
  if (inside_kvm_run(stopped)) {
    const int running = static_cast<int>(stopped.rdi);
    if (std::find(access.descriptors.begin(), access.descriptors.end(), running) ==
        access.descriptors.end()) {
      return Error{ErrorKind::kRefused, name + ": its thread is running another vCPU now",
                   "try again"};
    }
    return running;
  }
  if (access.ambiguous) {
    return Error{ErrorKind::kRefused,
                 name +
                     ": its process owns several VMs that have one, and its thread is not in "
                     "KVM_RUN, which would tell which is which",
                 "try again while the guest runs"};
  }
  return access.descriptors.front();
}

}  // namespace kvmtsc::injection
