#include "attach/ptrace/ptrace_clock_source.h"

#include <algorithm>
#include <string>

#include "attach/ptrace/kvm_calls.h"

namespace kvmtsc::injection {
namespace {

constexpr std::size_t kThreadsTried = 3;

CallBracket::Edge read_clocks() {
  const Clock& clock = system_clock();
  return {clock.host_tsc(), clock.realtime(), clock.monotonic()};
}

// Another thread may be in better shape; but not if the process is gone or not ours to touch.
bool worth_another_thread(const Error& error) {
  return error.kind == ErrorKind::kTimeout || error.kind == ErrorKind::kRefused ||
         error.kind == ErrorKind::kGone;
}

// Of all vCPUs: a correction takes every one.
CallVerdict together(const std::map<VcpuId, CallVerdict>& vcpus) {
  using Kind = CallVerdict::Kind;
  for (const Kind telling : {Kind::kDenied, Kind::kUnknown, Kind::kAllowed, Kind::kUnfiltered}) {
    for (const auto& [id, verdict] : vcpus) {
      if (verdict.kind == telling) {
        return verdict;
      }
    }
  }
  return {};
}

}  // namespace

ClockTriple make_triple(std::uint64_t kvmclock_ns, std::uint32_t flags, std::uint64_t host_tsc,
                        std::uint64_t realtime_ns, const CallBracket& bracket) {
  ClockTriple triple;
  triple.kvmclock_ns = kvmclock_ns;
  triple.flags = flags;
  constexpr std::uint32_t kBoth = ClockTriple::kRealtime | ClockTriple::kHostTsc;
  if ((flags & kBoth) == kBoth) {
    triple.host_tsc = host_tsc;
    triple.realtime = RealTime{Nanoseconds{static_cast<std::int64_t>(realtime_ns)}};
    return triple;
  }
  const Nanoseconds width = bracket.after.monotonic - bracket.before.monotonic;
  triple.bracketed = true;
  triple.bound = width / 2 + Nanoseconds{1};
  triple.host_tsc =
      bracket.before.host_tsc + (bracket.after.host_tsc - bracket.before.host_tsc) / 2;
  triple.realtime =
      RealTime{bracket.before.realtime.since_epoch +
               (bracket.after.realtime.since_epoch - bracket.before.realtime.since_epoch) / 2};
  return triple;
}

template <typename Reading>
Result<Reading> PtraceClockSource::prepared(
    const AttachTarget& vm, const std::function<Result<Reading>(const Prepared&)>& read) {
  const auto prepared = prepare(options_, vm, &gadgets_);
  auto reading = prepared ? read(*prepared) : Result<Reading>(prepared.error());
  if (!reading) {
    gadgets_.forget(vm.pid);
  }
  return reading;
}

Result<PtraceClockSource::Answer> PtraceClockSource::hold(const AttachTarget& vm,
                                                          const ProcessLayout& layout, Tid thread,
                                                          const IntendedCall& intended,
                                                          MonotonicTime deadline,
                                                          const Calls& calls) const {
  return TracerThread::run([&](const TracerThread& self) -> Result<Answer> {
    self.run_beside(options_.root, vm.pid, thread);
    auto reserved = reserve(self, options_, vm, thread, layout.gadgets, {&intended, 1}, deadline);
    if (!reserved) {
      return reserved.error();
    }
    const Nanoseconds held_before = reserved->held;
    const MonotonicTime begun = system_clock().monotonic();
    const MonotonicTime end = hold_deadline(options_, deadline);
    if (auto interrupted = reserved->attachment.interrupt(); !interrupted) {
      return interrupted.error();
    }
    std::int64_t returned = 0;
    {
      auto state = take_hold(options_.root, *std::move(reserved), layout, end);
      if (!state) {
        return state.error();
      }
      const auto result = calls(*state, end);
      if (!result) {
        return result.error();
      }
      returned = *result;
    }
    return Answer{returned, held_before + (system_clock().monotonic() - begun)};
  });
}

Result<ClockReading> PtraceClockSource::read_clock_on(const AttachTarget& vm,
                                                      const Prepared& prepared, Tid thread,
                                                      MonotonicTime deadline) const {
  kvm_clock_data data{};
  CallBracket bracket;
  const auto read = [&](SavedState& state, MonotonicTime end) -> Result<std::int64_t> {
    const SystemCall call =
        ioctl_call(prepared.access.vm_fd, KVM_GET_CLOCK, state.argument_area().value);
    if (auto begun = state.begin(call); !begun) {
      return begun.error();
    }
    if (auto reached = state.reach_entry(end); !reached) {
      return reached.error();
    }
    bracket.before = read_clocks();
    if (auto entered = state.enter(); !entered) {
      return entered.error();
    }
    const auto result = state.finish(end);
    bracket.after = read_clocks();
    if (!result) {
      return result.error();
    }
    if (auto got = state.read_argument(0, std::as_writable_bytes(std::span{&data, 1})); !got) {
      return got.error();
    }
    return *result;
  };
  const auto answer = hold(vm, prepared.layout, thread,
                           intended_clock_reading(prepared.access.vm_fd), deadline, read);
  if (!answer) {
    return answer.error();
  }
  if (answer->returned != 0) {
    return ioctl_error("KVM_GET_CLOCK", answer->returned);
  }
  return ClockReading{make_triple(data.clock, data.flags, data.host_tsc, data.realtime, bracket),
                      answer->held};
}

Result<ClockReading> PtraceClockSource::read_clock(const AttachTarget& vm, MonotonicTime deadline) {
  return prepared<ClockReading>(vm, [&](const Prepared& vmm) -> Result<ClockReading> {
    const auto& threads = vmm.access.other_threads;
    Error last{
        ErrorKind::kRefused,
        "process " + std::to_string(vm.pid) + " has no thread that is not a vCPU's",
        "KVM_GET_CLOCK on a vCPU's thread could stall the guest; use the VMM's agent library"};
    for (std::size_t i = 0; i < std::min(threads.size(), kThreadsTried); ++i) {
      auto reading = read_clock_on(vm, vmm, threads[i], deadline);
      const IntendedCall intended = intended_clock_reading(vmm.access.vm_fd);
      verdicts_of(vm.key).clock =
          foresee_filters(options_, vm, threads[i], {&intended, 1}, vmm.layout.gadgets);
      if (reading || !worth_another_thread(reading.error()) ||
          system_clock().monotonic() >= deadline) {
        return reading;
      }
      last = reading.error();
    }
    return last;
  });
}

Result<VcpuFrequency> PtraceClockSource::read_frequency(const AttachTarget& vm, VcpuId vcpu,
                                                        MonotonicTime deadline) {
  return prepared<VcpuFrequency>(vm, [&](const Prepared& vmm) -> Result<VcpuFrequency> {
    const auto found = vmm.access.vcpus.find(vcpu);
    if (found == vmm.access.vcpus.end()) {
      return Error{ErrorKind::kNotFound, vcpu_name(vcpu) + " has no known thread",
                   "it is asked again once it has run"};
    }
    const VcpuAccess& access = found->second;
    const auto read = [&](SavedState& state, MonotonicTime end) -> Result<std::int64_t> {
      const auto fd = vcpu_descriptor(options_.root, vm.key, vcpu, access, state);
      if (!fd) {
        return fd.error();
      }
      return state.call(ioctl_call(*fd, KVM_GET_TSC_KHZ, 0), end);
    };
    const auto answer = hold(vm, vmm.layout, access.thread,
                             intended_frequency_reading(only_descriptor(access)), deadline, read);
    verdicts_of(vm.key).vcpus[vcpu] =
        foresee_filters(options_, vm, access.thread, intended_correction(only_descriptor(access)),
                        vmm.layout.gadgets);
    if (!answer) {
      return answer.error();
    }
    if (answer->returned < 0) {
      return ioctl_error("KVM_GET_TSC_KHZ", answer->returned);
    }
    return VcpuFrequency{vcpu, static_cast<std::uint32_t>(answer->returned), answer->held};
  });
}

PtraceClockSource::Verdicts& PtraceClockSource::verdicts_of(const VmKey& vm) {
  constexpr std::size_t kMost = 4096;  // more VMs than a host has: most have ended
  if (verdicts_.size() >= kMost && !verdicts_.contains(vm)) {
    verdicts_.clear();
  }
  return verdicts_[vm];
}

std::optional<CallFilters> PtraceClockSource::call_filters(const VmKey& vm) const {
  const auto known = verdicts_.find(vm);
  return known == verdicts_.end() ? CallFilters{}
                                  : CallFilters{known->second.clock, together(known->second.vcpus)};
}

}  // namespace kvmtsc::injection
