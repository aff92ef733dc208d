#include "attach/ptrace/session.h"

#include <algorithm>
#include <string>
#include <utility>

namespace kvmtsc::injection {

Result<Prepared> prepare(const PtraceOptions& options, const AttachTarget& vm,
                         KnownGadgets* known) {
  auto access = resolve(options.root, vm);
  if (!access) {
    return access.error();
  }
  if (auto admitted = admit_executable(options.root, vm.pid); !admitted) {
    return admitted.error();
  }
  auto layout = ProcessLayout::read(options.root, vm.pid, known);
  if (!layout) {
    return layout.error();
  }
  return Prepared{*std::move(access), *std::move(layout)};
}

Status still_same_process(const HostRoot& root, const AttachTarget& vm) {
  const auto start = read_start_time(root, vm.pid);
  if (!start || *start != vm.process_start) {
    return Error{ErrorKind::kGone,
                 "process " + std::to_string(vm.pid) + " is not the one that was found",
                 {}};
  }
  return ok_status();
}

Status may_reserve(const PtraceOptions& options, const AttachTarget& vm, Tid thread) {
  const auto facts = read_thread_facts(options.root, vm.pid, thread);
  if (!facts) {
    Error error = facts.error();
    if (error.kind == ErrorKind::kNotFound) {
      error.kind = ErrorKind::kGone;
    }
    return error;
  }
  return admit(*facts, vm.pid, thread, options.policy);
}

Result<Reserved> reserve(const TracerThread& self, const PtraceOptions& options,
                         const AttachTarget& vm, Tid thread, const Gadgets& gadgets) {
  if (auto admitted = may_reserve(options, vm, thread); !admitted) {
    return admitted.error();
  }
  auto buffers = StateBuffers::make();
  auto attachment = Attachment::seize(self, options.root, thread, options.policy, gadgets);
  if (!attachment) {
    return attachment.error();
  }
  if (auto same = still_same_process(options.root, vm); !same) {
    return same.error();
  }
  return Reserved{*std::move(attachment), std::move(buffers)};
}

Result<SavedState> take_hold(Reserved&& reserved, const ProcessLayout& layout,
                             MonotonicTime deadline) {
  auto stop = Stop::await(std::move(reserved.attachment), deadline);
  if (!stop) {
    return stop.error();
  }
  return SavedState::save(*std::move(stop), layout, std::move(reserved.buffers));
}

Result<int> vcpu_descriptor(const HostRoot& root, const VmKey& vm, VcpuId vcpu,
                            const VcpuAccess& access, const SavedState& state) {
  if (!inside_kvm_run(state.registers())) {
    const auto thread = read_vcpu_thread(root, vm, vcpu);
    if (!thread) {
      return thread.error();
    }
    if (*thread != access.thread) {
      return Error{ErrorKind::kRefused, vcpu_name(vcpu) + " has moved to another thread",
                   "try again"};
    }
  }
  return choose_descriptor(vcpu, access, state.registers());
}

MonotonicTime hold_deadline(const PtraceOptions& options, MonotonicTime deadline) {
  return std::min(deadline, system_clock().monotonic() + options.longest_hold);
}

}  // namespace kvmtsc::injection
