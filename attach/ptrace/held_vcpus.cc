#include "attach/ptrace/held_vcpus.h"

#include <errno.h>

#include <algorithm>
#include <string>
#include <utility>

#include "attach/ptrace/kvm_calls.h"

namespace kvmtsc::injection {
namespace {

VcpuTimer not_rearmed(const Error& error) {
  return {VcpuTimer::State::kNotRearmed, error};
}

}  // namespace

void HeldVcpus::add(const WantedOffset& wanted, const VcpuAccess& access, Reserved&& reserved,
                    OffsetFiles&& files) {
  Vcpu vcpu;
  vcpu.report.id = wanted.id;
  vcpu.report.wanted = wanted.offset;
  vcpu.expected = wanted.expected;
  vcpu.rearm = wanted.rearm;
  vcpu.no_rearming = reserved.without;
  vcpu.access = &access;
  vcpu.report.held = reserved.held;
  vcpu.reserved.emplace(std::move(reserved));
  vcpu.files.emplace(std::move(files));
  vcpus_.push_back(std::move(vcpu));
}

void HeldVcpus::add_bystander(Reserved&& reserved) {
  bystanders_.push_back(std::move(reserved));
  stopped_bystanders_.reserve(bystanders_.size());
}

Status HeldVcpus::stop_all(const HostRoot& root, const VmKey& vm, const ProcessLayout& layout,
                           MonotonicTime deadline) {
  for (Vcpu& vcpu : vcpus_) {
    if (auto interrupted = vcpu.reserved->attachment.interrupt(); !interrupted) {
      return interrupted;
    }
  }
  for (Reserved& bystander : bystanders_) {
    if (auto interrupted = bystander.attachment.interrupt(); !interrupted) {
      return interrupted;
    }
  }
  for (Reserved& bystander : bystanders_) {
    auto stop = Stop::await(std::move(bystander.attachment), deadline);
    if (!stop) {
      return stop.error();
    }
    stopped_bystanders_.push_back(*std::move(stop));
  }
  for (Vcpu& vcpu : vcpus_) {
    auto state = take_hold(root, *std::move(vcpu.reserved), layout, deadline);
    if (!state) {
      return state.error();
    }
    vcpu.state.emplace(*std::move(state));
  }
  // Only now: which descriptor a vCPU has must not change any more.
  for (Vcpu& vcpu : vcpus_) {
    const auto fd = vcpu_descriptor(root, vm, vcpu.report.id, *vcpu.access, *vcpu.state);
    if (!fd) {
      return fd.error();
    }
    vcpu.fd = *fd;
    if (auto placed = OffsetArguments::place(*vcpu.state, vcpu.report.wanted); !placed) {
      return placed;
    }
    if (auto placed = DeadlineArguments::place(*vcpu.state); !placed) {
      return placed;
    }
  }
  return ok_status();
}

void HeldVcpus::fail(Vcpu& vcpu, const Error& error) {
  if (!vcpu.report.error) {
    vcpu.report.error = error;
  }
}

const char* HeldVcpus::name_of(Call call) {
  switch (call) {
    case Call::kRead:
      return "KVM_GET_DEVICE_ATTR";
    case Call::kWrite:
      return "KVM_SET_DEVICE_ATTR";
    case Call::kRenewClock:
      return "KVM_KVMCLOCK_CTRL";
    case Call::kReadDeadline:
      return "KVM_GET_MSRS";
    case Call::kWriteDeadline:
      return "KVM_SET_MSRS";
  }
  return "";
}

SystemCall HeldVcpus::call_in(const Vcpu& vcpu, Call call) {
  switch (call) {
    case Call::kRead:
      return OffsetArguments::read_call(*vcpu.state, vcpu.fd);
    case Call::kWrite:
      return OffsetArguments::write_call(*vcpu.state, vcpu.fd);
    case Call::kReadDeadline:
      return DeadlineArguments::read_call(*vcpu.state, vcpu.fd);
    case Call::kWriteDeadline:
      return DeadlineArguments::write_call(*vcpu.state, vcpu.fd);
    case Call::kRenewClock:
      break;
  }
  return ioctl_call(vcpu.fd, KVM_KVMCLOCK_CTRL, 0);
}

void HeldVcpus::call_in_each(Call call, MonotonicTime deadline) {
  for (Vcpu& vcpu : vcpus_) {
    vcpu.answer.reset();
    if (!vcpu.taking_part) {
      continue;
    }
    if (const auto begun = vcpu.state->begin(call_in(vcpu, call)); !begun) {
      vcpu.answer = begun.error();
    }
  }
  for (Vcpu& vcpu : vcpus_) {
    if (!vcpu.taking_part || vcpu.answer) {
      continue;
    }
    auto entered = vcpu.state->reach_entry(deadline);
    if (entered) {
      entered = vcpu.state->enter();
    }
    if (!entered) {
      vcpu.answer = entered.error();
    }
  }
  for (Vcpu& vcpu : vcpus_) {
    if (vcpu.taking_part && !vcpu.answer) {
      vcpu.answer = vcpu.state->finish(deadline);
    }
  }
}

void HeldVcpus::run_round(Call call, MonotonicTime deadline) {
  for (Vcpu& vcpu : vcpus_) {
    vcpu.result.reset();
    vcpu.taking_part =
        call == Call::kRead || vcpu.write_begun || (call == Call::kWrite && !put_back_);
    vcpu.write_begun = vcpu.write_begun || (vcpu.taking_part && call == Call::kWrite);
  }
  call_in_each(call, deadline);
  for (Vcpu& vcpu : vcpus_) {
    if (!vcpu.taking_part) {
      continue;
    }
    const Result<std::int64_t>& answer = *vcpu.answer;
    const bool has_no_page = call == Call::kRenewClock && answer && *answer == -EINVAL;
    if (!answer) {
      fail(vcpu, answer.error());
    } else if (*answer != 0 && !has_no_page) {
      fail(vcpu, ioctl_error(name_of(call), *answer));
    } else if (call != Call::kRead) {
      vcpu.result = 0;
    } else if (const auto offset = OffsetArguments::offset_read(*vcpu.state); offset) {
      vcpu.result = *offset;
    } else {
      fail(vcpu, offset.error());
    }
  }
}

void HeldVcpus::read_offsets(MonotonicTime deadline) {
  const bool all = std::all_of(vcpus_.begin(), vcpus_.end(), [](Vcpu& vcpu) {
    vcpu.result = vcpu.files->read();
    return vcpu.result.has_value();
  });
  if (!all) {
    run_round(Call::kRead, deadline);
  }
}

Status HeldVcpus::read_before(MonotonicTime deadline) {
  read_offsets(deadline);
  for (Vcpu& vcpu : vcpus_) {
    vcpu.report.before = vcpu.result;
    if (!vcpu.result) {
      return *vcpu.report.error;
    }
    if (vcpu.expected && *vcpu.expected != *vcpu.result) {
      return offset_conflict(vcpu.report.id, *vcpu.expected, *vcpu.result);
    }
  }
  return ok_status();
}

void HeldVcpus::write_all(MonotonicTime deadline) {
  run_round(Call::kWrite, deadline);
  for (Vcpu& vcpu : vcpus_) {
    vcpu.report.accepted = vcpu.result.has_value();
  }
  read_offsets(deadline);
  for (Vcpu& vcpu : vcpus_) {
    vcpu.report.read_back = vcpu.result;
  }
}

bool HeldVcpus::all_applied() const {
  return std::all_of(vcpus_.begin(), vcpus_.end(),
                     [](const Vcpu& vcpu) { return vcpu.report.applied(); });
}

void HeldVcpus::put_back(MonotonicTime deadline) {
  put_back_ = true;
  for (Vcpu& vcpu : vcpus_) {
    if (auto set = OffsetArguments::set_offset_to_write(*vcpu.state, *vcpu.report.before); !set) {
      fail(vcpu, set.error());
      vcpu.write_begun = false;  // or the offset that was refused would be written once more
    }
  }
  run_round(Call::kWrite, deadline);
  run_round(Call::kRead, deadline);
  for (Vcpu& vcpu : vcpus_) {
    vcpu.report.after_rollback = vcpu.result;
  }
}

void HeldVcpus::write_again(MonotonicTime deadline) {
  if (vcpus_.size() > 1) {
    run_round(Call::kWrite, deadline);
  }
}

void HeldVcpus::renew_clocks(MonotonicTime deadline) {
  run_round(Call::kRenewClock, deadline);
}

void HeldVcpus::rearm_timers(MonotonicTime deadline) {
  for (Vcpu& vcpu : vcpus_) {
    vcpu.taking_part = vcpu.rearm && vcpu.write_begun;
    if (vcpu.taking_part && vcpu.no_rearming) {
      vcpu.report.timer = not_rearmed(*vcpu.no_rearming);
      vcpu.taking_part = false;
    }
  }
  call_in_each(Call::kReadDeadline, deadline);
  for (Vcpu& vcpu : vcpus_) {
    if (!vcpu.taking_part) {
      continue;
    }
    const auto done = one_msr_done(name_of(Call::kReadDeadline), *vcpu.answer);
    const auto armed =
        done ? DeadlineArguments::deadline_read(*vcpu.state) : Result<std::uint64_t>(done.error());
    vcpu.report.timer = armed ? VcpuTimer{} : not_rearmed(armed.error());
    vcpu.taking_part = armed && *armed != 0;
  }
  call_in_each(Call::kWriteDeadline, deadline);
  for (Vcpu& vcpu : vcpus_) {
    if (!vcpu.taking_part) {
      continue;
    }
    const auto done = one_msr_done(name_of(Call::kWriteDeadline), *vcpu.answer);
    vcpu.report.timer =
        done ? VcpuTimer{VcpuTimer::State::kRearmed, {}} : not_rearmed(done.error());
  }
}

WriteReport HeldVcpus::release(MonotonicTime begun, std::vector<VcpuWrite> others) {
  const Clock& clock = system_clock();
  WriteReport report;
  for (Vcpu& vcpu : vcpus_) {
    vcpu.state.reset();
    vcpu.report.held += clock.monotonic() - begun;
  }
  stopped_bystanders_.clear();
  report.held = clock.monotonic() - begun;
  report.vcpus = std::move(others);
  for (Vcpu& vcpu : vcpus_) {
    report.vcpus.push_back(std::move(vcpu.report));
  }
  std::ranges::sort(report.vcpus, {}, &VcpuWrite::id);
  const bool applied = std::ranges::all_of(report.vcpus, &VcpuWrite::applied);
  report.outcome = applied ? WriteOutcome::kApplied : WriteOutcome::kRolledBack;
  for (VcpuWrite& one : report.vcpus) {
    if (!applied && one.after_rollback != one.before) {
      report.outcome = WriteOutcome::kUncertain;
    }
    if (!one.applied() && !one.error) {
      one.error = Error{ErrorKind::kUnsupported,
                        "KVM accepted the offset of " + vcpu_name(one.id) + " and did not apply it",
                        "the guest's TSC is protected, or this host's KVM does not support it"};
    }
    if (!applied && !report.failure && one.error) {
      report.failure = one.error;
    }
  }
  return report;
}

}  // namespace kvmtsc::injection
