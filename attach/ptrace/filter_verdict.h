// Whether seccomp filters allow what an injection does to a thread: the calls that are made in it,
// those that the way back needs, and the one that the kernel makes of an interrupted wait. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "attach/ptrace/gadgets.h"
#include "attach/ptrace/seccomp_filter.h"

namespace kvmtsc::injection {

// A call that is to be made in a thread, as far as it is known beforehand.
struct IntendedCall {
  const char* name = "";  // as it is told to people; outlives this
  long number = 0;
  std::array<std::optional<std::uint64_t>, 6> arguments{};
};

// "kill_process to ioctl KVM_SET_DEVICE_ATTR": the first of the calls that is not allowed, and what
// the filters answer or may answer to it. Besides `calls`, made at gadgets.syscall_return:
// rt_sigreturn, by which a thread that is left to itself comes back, and restart_syscall, which the
// kernel makes when a thread was stopped in a wait with a timeout (restart.h).
std::optional<std::string> denial(std::span<const SeccompFilter> filters,
                                  std::span<const IntendedCall> calls, const Gadgets& gadgets);

// Of these, restart_syscall alone: whether merely stopping a thread that waits is safe.
bool allows_restart(std::span<const SeccompFilter> filters);

}  // namespace kvmtsc::injection
