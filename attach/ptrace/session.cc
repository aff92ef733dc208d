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

namespace {

Result<FoundThread> look(const PtraceOptions& options, const AttachTarget& vm, Tid thread) {
  auto facts = read_thread_facts(options.root, vm.pid, thread);
  if (!facts) {
    Error error = facts.error();
    if (error.kind == ErrorKind::kNotFound) {
      error.kind = ErrorKind::kGone;
    }
    return error;
  }
  if (auto admitted = admit(*facts, vm.pid, thread); !admitted) {
    return admitted.error();
  }
  // The number of a vCPU's thread that has ended may be a worker's by now.
  if (const auto worker = is_kernel_worker(options.root, vm.pid, thread); worker && *worker) {
    return Error{ErrorKind::kRefused,
                 "thread " + std::to_string(thread.value) + " of process " +
                     std::to_string(vm.pid) + " is one of the kernel's own",
                 "try again: it will be left out"};
  }
  return FoundThread{vm.pid, thread, *std::move(facts)};
}

bool could_be_read(const CallVerdict& verdict) {
  return verdict.kind == CallVerdict::Kind::kUnknown && !verdict.why;
}

}  // namespace

Status may_reserve(const PtraceOptions& options, const AttachTarget& vm, Tid thread,
                   std::span<const IntendedCall> calls, const Gadgets& gadgets) {
  const auto found = look(options, vm, thread);
  if (!found) {
    return found.error();
  }
  const auto verdict = ask_filters(options.root, *options.filters, *found, calls, gadgets);
  if (verdict.why && !options.policy.suspend_seccomp) {
    return *verdict.why;
  }
  return ok_status();
}

CallVerdict foresee_filters(const PtraceOptions& options, const AttachTarget& vm, Tid thread,
                            std::span<const IntendedCall> calls, const Gadgets& gadgets) {
  const auto found = look(options, vm, thread);
  if (!found) {
    return {CallVerdict::Kind::kUnknown, found.error()};
  }
  return ask_filters(options.root, *options.filters, *found, calls, gadgets);
}

Result<Reserved> reserve(const TracerThread& self, const PtraceOptions& options,
                         const AttachTarget& vm, Tid thread, const Gadgets& gadgets,
                         std::span<const IntendedCall> calls, MonotonicTime deadline,
                         std::span<const IntendedCall> can_be_left) {
  const auto found = look(options, vm, thread);
  if (!found) {
    return found.error();
  }
  Nanoseconds held{0};
  auto verdict = ask_filters(options.root, *options.filters, *found, calls, gadgets);
  if (could_be_read(verdict)) {
    const auto learnt = learn_filters(self, options.root, *options.filters, *found, gadgets,
                                      hold_deadline(options, deadline));
    if (!learnt) {
      return learnt.error();
    }
    held = *learnt;
    verdict = ask_filters(options.root, *options.filters, *found, calls, gadgets);
  }
  const bool suspend = !verdict.allows() && options.policy.suspend_seccomp;
  if (!verdict.allows() && !suspend) {
    return verdict.why.value_or(
        Error{ErrorKind::kRefused,
              "the filters of thread " + std::to_string(thread.value) + " could not be kept",
              "try again"});
  }
  auto buffers = StateBuffers::make();
  auto attachment = Attachment::seize(self, options.root, thread, AttachPolicy{suspend}, gadgets);
  if (!attachment) {
    return attachment.error();
  }
  if (auto same = still_same_process(options.root, vm); !same) {
    return same.error();
  }
  Reserved reserved{*std::move(attachment), std::move(buffers), {}, held};
  if (!suspend) {
    reserved.filters.emplace(options.root, found->facts);
    const auto left = ask_filters(options.root, *options.filters, *found, can_be_left, gadgets);
    if (!left.allows()) {
      reserved.without = left.why.value_or(
          Error{ErrorKind::kRefused, "its thread's filters have changed meanwhile", {}});
    }
  }
  return reserved;
}

Result<SavedState> take_hold(const HostRoot& root, Reserved&& reserved, const ProcessLayout& layout,
                             MonotonicTime deadline) {
  auto stop = Stop::await(std::move(reserved.attachment), deadline);
  if (!stop) {
    return stop.error();
  }
  if (reserved.filters) {
    if (auto same = reserved.filters->unchanged(root, *stop); !same) {
      begin_wait_anew(*stop);
      return same.error();
    }
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
