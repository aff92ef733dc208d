#include "exporter/api/vm_lookup.h"

#include <algorithm>

#include "exporter/http/message.h"

namespace kvmtsc {
namespace {

// Hexadecimal digits count the same in either case (RFC 9562, 4).
bool is_uuid(const std::string& name, const std::string& uuid) {
  return !name.empty() && http::equal_ignoring_case(name, uuid);
}

}  // namespace

std::vector<const VmState*> find_vms(const Snapshot& snapshot, const std::string& name) {
  std::vector<const VmState*> found;
  for (const VmState& vm : snapshot.vms) {
    if (!name.empty() &&
        (vm.label == name || is_uuid(name, vm.identity.uuid) || process_name(vm) == name)) {
      found.push_back(&vm);
    }
  }
  return found;
}

std::string process_name(const VmState& vm) {
  return vm.identity.pid == 0 ? ""
                              : std::to_string(vm.identity.pid) + "-" + std::to_string(vm.key.fd);
}

bool scope_names(const http::Scope& scope, const std::string& label, const std::string& uuid) {
  return scope.names.empty() || std::ranges::any_of(scope.names, [&](const std::string& name) {
           return name == label || is_uuid(name, uuid);
         });
}

bool in_scope(const http::Scope& scope, const VmState& vm) {
  const bool kind_fits = scope.kind.empty() || scope.kind == vm.source;
  return kind_fits && scope_names(scope, vm.label, vm.identity.uuid);
}

}  // namespace kvmtsc
