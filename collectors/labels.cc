#include "collectors/labels.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <vector>

namespace kvmtsc {
namespace {

auto age(const FoundVm& vm) {
  const bool unknown = vm.identity.pid == 0;
  return std::tuple(unknown, vm.identity.process_start, vm.identity.pid, vm.key.fd, vm.key);
}

std::string suffix(const FoundVm& vm) {
  const pid_t id = vm.identity.pid != 0 ? vm.identity.pid : vm.key.creator;
  return "@" + std::to_string(id) + "-" + std::to_string(vm.key.fd);
}

}  // namespace

std::map<VmKey, std::string> LabelBook::assign(std::span<const FoundVm> vms) {
  std::set<VmKey> present;
  std::vector<const FoundVm*> newcomers;
  for (const FoundVm& vm : vms) {
    if (present.insert(vm.key).second && !given_.contains(vm.key)) {
      newcomers.push_back(&vm);
    }
  }
  std::erase_if(given_, [&](const auto& entry) {
    const bool gone = !present.contains(entry.first);
    if (gone) {
      taken_.erase(entry.second);
    }
    return gone;
  });

  std::sort(newcomers.begin(), newcomers.end(),
            [](const FoundVm* a, const FoundVm* b) { return age(*a) < age(*b); });
  const auto take = [this](const FoundVm& vm, const std::string& label) {
    const bool taken = taken_.insert(label).second;
    if (taken) {
      given_.emplace(vm.key, label);
    }
    return taken;
  };
  std::vector<const FoundVm*> namesakes;
  for (const FoundVm* vm : newcomers) {
    if (!take(*vm, vm->identity.name)) {
      namesakes.push_back(vm);
    }
  }
  for (const FoundVm* vm : namesakes) {
    std::string label = vm->identity.name;
    do {
      label += suffix(*vm);
    } while (!take(*vm, label));
  }
  return given_;
}

}  // namespace kvmtsc
