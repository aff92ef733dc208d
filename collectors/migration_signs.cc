#include "collectors/migration_signs.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/parse.h"
#include "collectors/process.h"

namespace kvmtsc {

namespace {

// Threads that QEMU has while it sends a VM, or receives one over several connections.
bool has_migration_thread(const std::string& tasks, const std::vector<std::string>& threads) {
  constexpr std::array<std::string_view, 3> kBeginnings{"live_migration", "mig/", "multifd"};
  constexpr std::size_t kLongestName = 64;
  return std::ranges::any_of(threads, [&](const std::string& thread) {
    const auto name = read_file(tasks + "/" + thread + "/comm", kLongestName);
    return name && std::ranges::any_of(kBeginnings, [&](std::string_view beginning) {
             return name->starts_with(beginning);
           });
  });
}

bool is_told_to_receive(const HostRoot& root, pid_t process) {
  const auto arguments = Process(root, process).arguments();
  return arguments && std::ranges::any_of(*arguments, [](const std::string& argument) {
           return argument == "-incoming" || argument == "--incoming";
         });
}

// Whether the VM in this directory has vCPUs, and KVM says that none of them has run.
bool has_never_run(const std::string& directory) {
  constexpr std::size_t kLongestNumber = 32;
  const auto entries = list_directory(directory);
  if (!entries) {
    return false;
  }
  bool any = false;
  for (const std::string& entry : *entries) {
    if (!entry.starts_with("vcpu")) {
      continue;
    }
    std::string file = directory;
    file.append("/").append(entry).append("/pid");
    const auto thread = read_file(file, kLongestNumber);
    if (!thread || parse_u32(trim(*thread)) != 0U) {
      return false;
    }
    any = true;
  }
  return any;
}

// The command line stays as it was for ever; so what tells is that no vCPU has run yet.
bool waits_for_a_vm(const HostRoot& root, pid_t process, const std::vector<std::string>& threads) {
  if (!is_told_to_receive(root, process)) {
    return false;
  }
  const std::string kvm = root.debugfs + "/kvm";
  const auto vms = list_directory(kvm);
  return vms && std::ranges::any_of(*vms, [&](const std::string& vm) {
           const std::string creator = vm.substr(0, vm.find('-'));
           return std::ranges::find(threads, creator) != threads.end() &&
                  has_never_run(kvm + "/" + vm);
         });
}

}  // namespace

bool shows_migration(const HostRoot& root, pid_t process) {
  const std::string tasks = root.proc + "/" + std::to_string(process) + "/task";
  const auto threads = list_directory(tasks);
  return threads &&
         (has_migration_thread(tasks, *threads) || waits_for_a_vm(root, process, *threads));
}

}  // namespace kvmtsc
