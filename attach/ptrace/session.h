// What reading a clock and writing offsets have in common: looking at a VM before anything is
// stopped, and taking hold of one of its threads.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "attach/ptrace/filter_inquiry.h"
#include "attach/ptrace/saved_state.h"
#include "attach/ptrace/thread_facts.h"
#include "attach/ptrace/vm_access.h"
#include "attach/target.h"
#include "base/clock.h"
#include "base/host_root.h"
#include "base/result.h"

namespace kvmtsc::injection {

struct PtraceOptions {
  HostRoot root;
  AttachPolicy policy;
  // Shared by all that attach, so that no thread is stopped twice for its filters. Never null.
  std::shared_ptr<KnownFilters> filters = std::make_shared<KnownFilters>();
  // The longest a thread of the VMM may be held; a deadline that is nearer wins.
  Nanoseconds longest_hold = std::chrono::milliseconds(100);
};

// All that must be known of the VMM before one of its threads is stopped.
struct Prepared {
  VmAccess access;
  ProcessLayout layout;
};
Result<Prepared> prepare(const PtraceOptions& options, const AttachTarget& vm,
                         KnownGadgets* known = nullptr);

// kGone when the process is no longer the one the VM was found in.
Status still_same_process(const HostRoot& root, const AttachTarget& vm);

// A thread that is attached to but not yet stopped, with all the memory its stop will need.
struct Reserved {
  Attachment attachment;
  std::unique_ptr<StateBuffers> buffers;
  // To be seen again once it stands still; absent where its filters are suspended.
  std::optional<FilterWatch> filters;
  // For how long it was stopped before, for its filters to be read.
  Nanoseconds held{0};
  // Why the calls that can be gone without are not to be made; absent where they may.
  std::optional<Error> without = {};
};
// Whether the thread may be attached to for `calls`, by what /proc says of it and what is known of
// its filters; stops nobody.
Status may_reserve(const PtraceOptions& options, const AttachTarget& vm, Tid thread,
                   std::span<const IntendedCall> calls, const Gadgets& gadgets);
// Of that, what its filters say.
CallVerdict foresee_filters(const PtraceOptions& options, const AttachTarget& vm, Tid thread,
                            std::span<const IntendedCall> calls, const Gadgets& gadgets);

// Looks whether the thread may be attached to for `calls`, and does. Afterwards its number cannot
// be re-used. Filters that are not known yet are read first, by a stop of their own. What of
// `can_be_left` the filters do not allow for certain is no reason to refuse (Reserved::without).
Result<Reserved> reserve(const TracerThread& self, const PtraceOptions& options,
                         const AttachTarget& vm, Tid thread, const Gadgets& gadgets,
                         std::span<const IntendedCall> calls, MonotonicTime deadline,
                         std::span<const IntendedCall> can_be_left = {});

// Waits for the stop of a thread that was told to stop, and saves its state. kRefused where it has
// been given a filter since it was looked at.
Result<SavedState> take_hold(const HostRoot& root, Reserved&& reserved, const ProcessLayout& layout,
                             MonotonicTime deadline);

// The descriptor for a vCPU whose thread is held, once it is certain that no other thread runs the
// vCPU (whose ioctls would then block).
Result<int> vcpu_descriptor(const HostRoot& root, const VmKey& vm, VcpuId vcpu,
                            const VcpuAccess& access, const SavedState& state);

// When a hold that begins now has to end.
MonotonicTime hold_deadline(const PtraceOptions& options, MonotonicTime deadline);

}  // namespace kvmtsc::injection
