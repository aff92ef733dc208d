// Kill storms: tracers that are killed at random moments, and what becomes of their tracee.
#pragma once

#include <functional>

#include "attach/ptrace/saved_state.h"
#include "tests/integration/attach/tracee.h"

namespace kvmtsc::testing {

struct Storm {
  int kills = 0;
  int while_holding = 0;  // of these, while the tracee's registers were the tracer's
};

// Forks a process of ours that runs `work(holding)` again and again, kills it after a random time
// of up to `longest`, counted in turn from its start and from when it holds the thread (waiting for
// that up to ten times as long), and repeats that `kills` times or until the tracee has ended, with
// a lull of some milliseconds now and then. Threads of the caller must hold no lock that `work`
// needs.
Storm kill_storm(Tracee& tracee, int kills, Nanoseconds longest, unsigned seed,
                 const std::function<void(std::atomic<int>&)>& work);

// The usual work: inject_unseen() with two calls.
Storm kill_storm(Tracee& tracee, int kills, unsigned seed);

}  // namespace kvmtsc::testing
