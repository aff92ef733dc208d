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
  std::set<VmKey> kept;
  std::vector<const FoundVm*> newcomers;
  for (const FoundVm& vm : vms) {
    if (!present.insert(vm.key).second) {
      continue;
    }
    const bool found_out = vm.identity.pid != 0 && provisional_.contains(vm.key);
    if (given_.contains(vm.key) && !found_out) {
      kept.insert(vm.key);
    } else {
      newcomers.push_back(&vm);
    }
  }
  std::erase_if(given_, [&](const auto& entry) {
    const auto& [key, label] = entry;
    if (kept.contains(key)) {
      return false;
    }
    taken_.erase(label);
    provisional_.erase(key);
    return true;
  });

  std::sort(newcomers.begin(), newcomers.end(),
            [](const FoundVm* a, const FoundVm* b) { return age(*a) < age(*b); });
  const auto take = [this](const FoundVm& vm, const std::string& label) {
    const bool taken = taken_.insert(label).second;
    if (taken) {
      given_.emplace(vm.key, label);
      if (vm.identity.pid == 0) {
        provisional_.insert(vm.key);
      }
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
