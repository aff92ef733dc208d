// Sampler: the one sampling thread. It sweeps on schedule and publishes each Snapshot.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "collectors/sweep.h"
#include "collectors/sweep_schedule.h"
#include "collectors/uevents.h"

namespace kvmtsc {

class Sampler {
 public:
  // Starts the thread. From now until destruction `sweep`, and all it uses, belong to that thread.
  // `on_sweep` is called in the thread after each sweep, before its snapshot is visible in
  // latest(), and may add to it. Where uevents cannot be had, VMs are noticed at regular sweeps
  // only; the snapshot's collector "uevents" says so, and each sweep tries again.
  Sampler(Sweep& sweep, SweepOptions options, std::function<void(Snapshot&)> on_sweep);

  // Ends the thread after the sweep that may be running.
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  // The newest snapshot; null before the first sweep has ended. Any thread.
  SnapshotPtr latest() const;

  // Has the sampling thread call `job` between two sweeps, and sweep soon after, for it may have
  // changed something. Jobs are called in the order given. Any thread; returns at once.
  void run_soon(std::function<void()> job);

  // The same for a job that comes with new options.
  void reconfigure(SweepOptions options, std::function<void()> adopt);

 private:
  using Job = std::function<void(SweepSchedule&)>;

  void add_job(Job job);
  void run(SweepOptions options);
  void publish(std::shared_ptr<Snapshot> snapshot);
  // Waits for the next sweep's time; false when the thread shall end.
  bool wait_until_due(SweepSchedule& schedule);
  void run_jobs(SweepSchedule& schedule);
  void wake() const;

  Sweep* sweep_;
  Result<KvmUevents> uevents_;  // the sampling thread's
  Status priority_;             // likewise: of its being preferred (thread_priority.h)
  std::function<void(Snapshot&)> on_sweep_;
  UniqueFd wake_;  // an eventfd: jobs or the end wait

  mutable std::mutex mutex_;
  SnapshotPtr latest_;     // guarded by mutex_
  std::vector<Job> jobs_;  // guarded by mutex_
  bool ending_ = false;    // guarded by mutex_

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace kvmtsc
