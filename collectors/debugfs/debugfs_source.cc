#include "collectors/debugfs/debugfs_source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <optional>
#include <set>
#include <utility>

#include "base/file.h"
#include "base/parse.h"
#include "tsc/trust.h"

namespace kvmtsc {
namespace {

// "<creator>-<fd>", both decimal without leading zeros; KVM's own counters stand beside the VMs.
std::optional<VmKey> parse_directory_name(const std::string& name) {
  const auto dash = name.find('-');
  if (dash == std::string::npos) {
    return std::nullopt;
  }
  const auto creator = parse_u32(std::string_view(name).substr(0, dash));
  const auto fd = parse_u32(std::string_view(name).substr(dash + 1));
  if (!creator || !fd || *creator > INT32_MAX || *fd > INT32_MAX) {
    return std::nullopt;
  }
  const VmKey key{static_cast<pid_t>(*creator), static_cast<int>(*fd), 0};
  return directory_name(key) == name ? std::optional(key) : std::nullopt;
}

}  // namespace

DebugfsSource::DebugfsSource(const HostRoot& root, Identifier& identifier, const Clock& clock)
    : root_(root), identifier_(&identifier), clock_(&clock) {}

Error DebugfsSource::why_unlistable(Error error) const {
  if (error.kind == ErrorKind::kPermission) {
    error.remedy =
        "debugfs is readable by root alone by default: run the service as "
        "root or grant CAP_DAC_READ_SEARCH";
    return error;
  }
  if (error.kind != ErrorKind::kNotFound) {
    return error;
  }
  const auto above = list_directory(root_.debugfs);
  if (!above && above.error().kind == ErrorKind::kPermission) {
    return why_unlistable(above.error());
  }
  if (!above || above->empty()) {
    error.message = "debugfs is not mounted at " + root_.debugfs;
    error.remedy =
        "mount -t debugfs debugfs " + root_.debugfs + ", or name its place with --path.debugfs";
  } else {
    error.message = "KVM is loaded, and debugfs at " + root_.debugfs + " does not show it";
    error.remedy = "name the place of debugfs with --path.debugfs, and of sysfs with --path.sysfs";
  }
  return error;
}

// KVM makes its directory in debugfs and its device together (kvm_init() in virt/kvm/kvm_main.c).
// Where both are absent from trees that are there, there is no KVM and so no VM.
bool DebugfsSource::kvm_is_not_loaded(const Error& error) const {
  const auto debugfs = list_directory(root_.debugfs);
  const auto devices = list_directory(root_.sys + "/devices");
  const auto device = open_directory(root_.sys + "/devices/virtual/misc/kvm");
  return error.kind == ErrorKind::kNotFound && debugfs && !debugfs->empty() && devices &&
         !devices->empty() && !device && device.error().kind == ErrorKind::kNotFound;
}

void DebugfsSource::keep_up_with(const VmKey& key, int kvm_directory,
                                 std::map<VmKey, Vm>& current) {
  auto known = vms_.extract(key);
  if (known && known.mapped().directory) {
    current.insert(std::move(known));
  } else {
    auto directory = open_directory_at(kvm_directory, directory_name(key).c_str());
    if (!directory && directory.error().kind == ErrorKind::kNotFound) {
      return;  // ended since it was listed
    }
    current.emplace(key, Vm{directory ? Result(VmDirectory(*std::move(directory), *clock_))
                                      : Result<VmDirectory>(directory.error())});
  }
  Vm& vm = current.at(key);
  if (!vm.identified) {
    identify(key, vm);
  }
}

void DebugfsSource::identify(const VmKey& key, Vm& vm) {
  const auto threads = vm.directory ? vm.directory->vcpu_threads() : std::vector<pid_t>{};
  VmIdentity identity = identifier_->identify(key, threads);
  if (identity.pid == 0 && vm.identity.orphaned) {
    vm.identified = true;
    return;  // what it was called is the best that there is
  }
  identity.orphaned = identity.pid == 0 && identifier_->owner_has_ended(key, threads);
  vm.identity = std::move(identity);
  vm.identified = vm.identity.pid != 0 || vm.identity.orphaned;
  vm.process = open_process(vm.identity.pid);
}

// Invalid where there is none, and where the numbers of that /proc may be those of another PID
// namespace than ours, of which one cannot ask the kernel.
UniqueFd DebugfsSource::open_process(pid_t pid) const {
  if (pid == 0 || root_.proc != HostRoot{}.proc) {
    return {};
  }
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
}

void DebugfsSource::notice_ended_processes() {
  std::vector<pollfd> waited;
  std::vector<Vm*> whose;
  for (auto& [key, vm] : vms_) {
    if (vm.process.valid()) {
      waited.push_back({vm.process.get(), POLLIN, 0});
      whose.push_back(&vm);
    }
  }
  ::poll(waited.data(), waited.size(), 0);
  for (std::size_t i = 0; i < waited.size(); ++i) {
    if (waited[i].revents != 0) {
      Vm& vm = *whose[i];
      vm.process.reset();
      vm.looked = {};
      vm.identity.orphaned = true;
      vm.identity.pid = vm.identity.holder = 0;
      vm.identity.process_start = 0;
      vm.identity.process_unknown =
          Error{ErrorKind::kGone, trust_explanation(Trust::kOrphaned),
                "end what holds the VM's descriptors, or make the VM anew"};
    }
  }
  for (auto& [key, vm] : vms_) {
    if (vm.identity.orphaned && vm.identity.holder == 0) {
      look_for_holder(key, vm);
    }
  }
}

void DebugfsSource::look_for_holder(const VmKey& key, Vm& vm) {
  const MonotonicTime now = clock_->monotonic();
  if (vm.looked != MonotonicTime{} && now - vm.looked < kHolderPatience) {
    return;
  }
  vm.looked = now;
  std::set<pid_t> owners;
  for (const auto& [other, its] : vms_) {
    if (other.fd == key.fd && its.identity.pid != 0) {
      owners.insert(its.identity.pid);
    }
  }
  vm.identity.holder = identifier_->find_holder(key, owners);
  vm.process = open_process(vm.identity.holder);
}

Result<std::vector<FoundVm>> DebugfsSource::list() {
  const auto kvm = open_directory(kvm_directory());
  if (!kvm && kvm_is_not_loaded(kvm.error())) {
    vms_.clear();
    return std::vector<FoundVm>{};
  }
  if (!kvm) {
    return why_unlistable(kvm.error());
  }
  const auto names = list_directory_at(kvm->get(), ".");
  if (!names) {
    return why_unlistable(names.error());
  }
  std::map<VmKey, Vm> current;
  for (const std::string& name : *names) {
    auto key = parse_directory_name(name);
    struct stat status {};
    if (!key) {
      continue;
    }
    if (::fstatat(kvm->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) {
        continue;  // ended since it was listed
      }
      Error error = errno_error(errno, kvm_directory() + "/" + name);
      vms_.merge(current);
      return error;  // whether it is there is not known
    }
    if (!S_ISDIR(status.st_mode)) {
      continue;
    }
    key->incarnation = status.st_ino;
    keep_up_with(*key, kvm->get(), current);
  }
  vms_ = std::move(current);
  notice_ended_processes();

  std::vector<FoundVm> found;
  found.reserve(vms_.size());
  for (const auto& [key, vm] : vms_) {
    found.push_back({key, vm.identity});
  }
  return found;
}

std::optional<bool> DebugfsSource::has_run(const VmKey& key) {
  const auto vm = vms_.find(key);
  return vm != vms_.end() && vm->second.directory ? vm->second.directory->has_run() : std::nullopt;
}

Result<VmReading> DebugfsSource::read(const VmKey& key, const ReadLimit& limit) {
  const auto vm = vms_.find(key);
  if (vm == vms_.end()) {
    return Error{ErrorKind::kGone, "VM " + directory_name(key) + " is not listed", {}};
  }
  if (!vm->second.directory) {
    return vm->second.directory.error();
  }
  return vm->second.directory->read(limit);
}

void DebugfsSource::forget_identities() {
  for (auto& [key, vm] : vms_) {
    vm.identified = false;
  }
}

}  // namespace kvmtsc
