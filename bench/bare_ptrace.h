// What attaching cannot do with less: the ptrace sequence without anything that would help the
// thread if we died.
#pragma once

#include "attach/ptrace/gadgets.h"
#include "attach/ptrace/saved_state.h"
#include "attach/ptrace/tracer_thread.h"
#include "base/clock.h"

namespace kvmtsc::bench {

// Seizes `thread`; interrupts it, runs `call` in it so many `times`, puts its registers back and
// detaches, with blocking waits. How long the latter took. The call's results are not looked at.
Nanoseconds bare_ptrace(const injection::TracerThread& self, injection::Tid thread,
                        const injection::Gadgets& gadgets, const injection::SystemCall& call,
                        int times);

}  // namespace kvmtsc::bench
