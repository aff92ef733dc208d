#include "attach/ptrace/ptrace_offset_writer.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>

#include "attach/ptrace/held_vcpus.h"
#include "attach/ptrace/kvm_calls.h"
#include "attach/ptrace/parked_vcpus.h"
#include "base/offset_writes.h"

namespace kvmtsc::injection {
namespace {

// Whether every vCPU can be written, as far as descriptors and threads go.
Status check(std::span<const VcpuId> sorted, const VmAccess& access) {
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const std::string name = vcpu_name(sorted[i]);
    if (i > 0 && sorted[i] == sorted[i - 1]) {
      return Error{ErrorKind::kInvalid, name + " is named twice", {}};
    }
    const bool parked = access.parked.contains(sorted[i]);
    if (!parked && !access.vcpus.contains(sorted[i])) {
      return Error{
          ErrorKind::kRefused,
          name + " is not there, or its descriptor cannot be told from another VM's",
          "look at the VM again; where a process owns several VMs, each vCPU must have run"};
    }
    if (parked && access.other_threads.empty()) {
      return Error{ErrorKind::kRefused,
                   name + " is run by no thread, and every thread of the process is a vCPU's",
                   "use the VMM's agent library"};
    }
  }
  return ok_status();
}

// What is done in a vCPU's thread: nothing but stopping it where the vCPU is not among `written`.
std::vector<IntendedCall> calls_in(VcpuId id, const VcpuAccess& access,
                                   std::span<const VcpuId> written) {
  if (!std::ranges::binary_search(written, id)) {
    return {};
  }
  const auto calls = intended_correction(only_descriptor(access));
  return {calls.begin(), calls.end()};
}

// A process that ends has no files under /proc any more: then it is the VM that is gone.
Error as_gone(Error error, const AttachTarget& vm) {
  if (error.kind == ErrorKind::kNotFound) {
    return Error{ErrorKind::kGone, "the VM's process " + std::to_string(vm.pid) + " has ended", {}};
  }
  return error;
}

}  // namespace

Result<ForeseenWrite> PtraceOffsetWriter::foresee(const AttachTarget& vm,
                                                  std::span<const VcpuId> vcpus) const {
  const auto prepared = prepare(options_, vm);
  if (!prepared) {
    return as_gone(prepared.error(), vm);
  }
  const VmAccess& access = prepared->access;
  std::vector<VcpuId> sorted(vcpus.begin(), vcpus.end());
  std::ranges::sort(sorted);
  if (auto checked = check(sorted, access); !checked) {
    return checked.error();
  }
  ForeseenWrite foreseen;
  const Gadgets& gadgets = prepared->layout.gadgets;
  const auto admitted = [&](Tid thread, std::span<const IntendedCall> calls) {
    return may_reserve(options_, vm, thread, calls, gadgets);
  };
  for (const auto& [id, vcpu] : access.vcpus) {
    if (auto may = admitted(vcpu.thread, calls_in(id, vcpu, sorted)); !may) {
      return as_gone(may.error(), vm);
    }
    if (!foreseen.timers && std::ranges::binary_search(sorted, id) &&
        !options_.policy.suspend_seccomp) {
      foreseen.timers = foresee_filters(options_, vm, vcpu.thread,
                                        intended_rearming(only_descriptor(vcpu)), gadgets)
                            .why;
    }
  }
  if (std::ranges::any_of(sorted, [&](VcpuId id) { return access.parked.contains(id); })) {
    if (auto may = admitted(access.other_threads.front(), intended_correction(std::nullopt));
        !may) {
      return as_gone(may.error(), vm);
    }
  }
  return foreseen;
}

std::string PtraceOffsetWriter::why_ignored(const AttachTarget& /*vm*/) const {
  return offset_writes(options_.root.sys) == OffsetWrites::kIgnored
             ? "this host's KVM (kvm_pvm) accepts offset writes and ignores them"
             : "";
}

Result<WriteReport> PtraceOffsetWriter::write(const AttachTarget& vm,
                                              std::span<const WantedOffset> offsets,
                                              MonotonicTime deadline) {
  if (offsets.empty()) {
    return Error{ErrorKind::kInvalid, "no offsets to write", {}};
  }
  const auto prepared = prepare(options_, vm);
  if (!prepared) {
    return as_gone(prepared.error(), vm);
  }
  std::vector<WantedOffset> sorted(offsets.begin(), offsets.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const WantedOffset& a, const WantedOffset& b) { return a.id < b.id; });
  std::vector<VcpuId> ids;
  std::ranges::transform(sorted, std::back_inserter(ids), &WantedOffset::id);
  if (auto checked = check(ids, prepared->access); !checked) {
    return checked.error();
  }
  return TracerThread::run([&](const TracerThread& self) -> Result<WriteReport> {
    const VmAccess& found = prepared->access;
    const ProcessLayout& layout = prepared->layout;
    const auto take = [&](Tid thread, std::span<const IntendedCall> calls) {
      return reserve(self, options_, vm, thread, layout.gadgets, calls, deadline);
    };
    if (found.vcpus.size() == 1) {
      self.run_beside(options_.root, vm.pid, found.vcpus.begin()->second.thread);
    }
    HeldVcpus vcpus;
    ParkedVcpus parked;
    std::optional<Reserved> carrier;
    for (const WantedOffset& wanted : sorted) {
      if (const auto fd = found.parked.find(wanted.id); fd != found.parked.end()) {
        parked.add(wanted, fd->second, {options_.root, vm.key, wanted.id});
        continue;
      }
      const VcpuAccess& access = found.vcpus.at(wanted.id);
      const auto calls = calls_in(wanted.id, access, ids);
      const auto rearming = intended_rearming(only_descriptor(access));
      auto reserved = reserve(self, options_, vm, access.thread, layout.gadgets, calls, deadline,
                              std::span{rearming}.first(wanted.rearm ? rearming.size() : 0));
      if (!reserved) {
        return reserved.error();
      }
      vcpus.add(wanted, access, *std::move(reserved), {options_.root, vm.key, wanted.id});
    }
    for (const auto& [id, access] : found.vcpus) {
      if (std::ranges::binary_search(ids, id)) {
        continue;
      }
      auto reserved = take(access.thread, {});
      if (!reserved) {
        return reserved.error();
      }
      vcpus.add_bystander(*std::move(reserved));
    }
    if (!parked.empty()) {
      auto reserved = take(found.other_threads.front(), intended_correction(std::nullopt));
      if (!reserved) {
        return reserved.error();
      }
      carrier.emplace(*std::move(reserved));
    }
    // A third of the time is kept for putting back.
    const MonotonicTime begun = system_clock().monotonic();
    const MonotonicTime end = hold_deadline(options_, deadline);
    const MonotonicTime forward_end = begun + (end - begun) * 2 / 3;

    if (auto stopped = vcpus.stop_all(options_.root, vm.key, layout, forward_end); !stopped) {
      return stopped.error();
    }
    if (carrier) {
      if (auto ready =
              parked.carry(options_.root, vm.pid, *std::move(carrier), layout, forward_end);
          !ready) {
        return ready.error();
      }
    }
    // Nothing is written before every vCPU had what was expected.
    if (auto read = parked.read_before(forward_end); !read) {
      return read.error();
    }
    if (auto read = vcpus.read_before(forward_end); !read) {
      return read.error();
    }
    parked.write_all(forward_end);
    vcpus.write_all(forward_end);
    if (!parked.all_applied() || !vcpus.all_applied()) {
      parked.put_back(end);
      vcpus.put_back(end);
    } else {
      vcpus.write_again(end);
    }
    vcpus.renew_clocks(end);
    vcpus.rearm_timers(end);
    return vcpus.release(begun, parked.release());
  });
}

}  // namespace kvmtsc::injection
