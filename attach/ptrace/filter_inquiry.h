// What the seccomp filters of a thread say of calls that are to be made in it: from what is known
// of them, or by reading them, for which the thread is stopped once for some microseconds.
#pragma once

#include <span>

#include "attach/ptrace/filter_verdict.h"
#include "attach/ptrace/known_filters.h"
#include "attach/ptrace/thread_facts.h"
#include "attach/ptrace/thread_filters.h"
#include "attach/ptrace/tracer_thread.h"
#include "tsc/call_filters.h"

namespace kvmtsc::injection {

// A thread as it was found in /proc.
struct FoundThread {
  pid_t process = 0;
  Tid id;
  ThreadFacts facts;
};

// Stops nobody. kUnknown without an error: its filters can be read and have not been.
CallVerdict ask_filters(const HostRoot& root, const KnownFilters& known, const FoundThread& thread,
                        std::span<const IntendedCall> calls, const Gadgets& gadgets);

// Stops a thread that is under filters, adds them to `known`, lets it go; for how long it was held.
// A thread in a wait with a timeout, which the kernel would continue by restart_syscall, begins the
// wait anew unless its filters allow that.
Result<Nanoseconds> learn_filters(const TracerThread& self, const HostRoot& root,
                                  KnownFilters& known, const FoundThread& thread,
                                  const Gadgets& gadgets, MonotonicTime deadline);

// Has a thread that was stopped in a wait with a timeout begin it anew, by the call that it made:
// that one its filters allow.
void begin_wait_anew(const Stop& stop);

}  // namespace kvmtsc::injection
