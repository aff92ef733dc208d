#include "collectors/sampler.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "collectors/thread_priority.h"

namespace kvmtsc {

Sampler::Sampler(Sweep& sweep, SweepOptions options, std::function<void(Snapshot&)> on_sweep)
    : sweep_(&sweep),
      uevents_(KvmUevents::open()),
      priority_(ok_status()),
      on_sweep_(std::move(on_sweep)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      thread_([this, options] { run(options); }) {}

Sampler::~Sampler() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake();
  thread_.join();
}

SnapshotPtr Sampler::latest() const {
  const std::lock_guard lock(mutex_);
  return latest_;
}

void Sampler::run_soon(std::function<void()> job) {
  add_job([job = std::move(job)](SweepSchedule& /*schedule*/) { job(); });
}

void Sampler::reconfigure(SweepOptions options, std::function<void()> adopt) {
  add_job([this, options, adopt = std::move(adopt)](SweepSchedule& schedule) {
    adopt();
    sweep_->set_options(options);
    schedule.set_interval(options.interval, system_clock().monotonic());
  });
}

void Sampler::add_job(Job job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake();
}

void Sampler::wake() const {
  const std::uint64_t one = 1;
  // A full counter cannot happen: the thread empties it at every wake-up.
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void Sampler::run(SweepOptions options) {
  priority_ = prefer_this_thread();
  SweepSchedule schedule(options.interval, system_clock().monotonic());
  while (wait_until_due(schedule)) {
    schedule.swept(system_clock().monotonic());
    publish(sweep_->run());
    if (!uevents_) {
      uevents_ = KvmUevents::open();
    }
  }
}

void Sampler::publish(std::shared_ptr<Snapshot> snapshot) {
  CollectorStatus status{"uevents", uevents_.ok(), Nanoseconds(0), {}};
  if (!uevents_) {
    status.error = uevents_.error();
  }
  snapshot->collectors.push_back(std::move(status));
  if (!priority_) {
    snapshot->no_priority = priority_.error();
  }
  on_sweep_(*snapshot);
  const std::lock_guard lock(mutex_);
  latest_ = std::move(snapshot);
}

bool Sampler::wait_until_due(SweepSchedule& schedule) {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (ending_) {
        return false;
      }
    }
    run_jobs(schedule);
    const Nanoseconds left = schedule.due() - system_clock().monotonic();
    if (left <= Nanoseconds(0)) {
      return true;
    }
    std::array<pollfd, 2> waited{
        {{wake_.get(), POLLIN, 0}, {uevents_ ? uevents_->fd() : -1, POLLIN, 0}}};
    const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(left);
    ::poll(waited.data(), waited.size(),
           static_cast<int>(std::min<std::int64_t>(timeout.count(), 60'000)));
    if ((waited[0].revents & POLLIN) != 0) {
      std::uint64_t count = 0;
      [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
    }
    if (waited[1].revents != 0) {
      const auto changed = uevents_->drain();
      if (!changed) {
        uevents_ = changed.error();
      } else if (*changed) {
        schedule.vm_event(system_clock().monotonic());
      }
    }
  }
}

void Sampler::run_jobs(SweepSchedule& schedule) {
  std::vector<Job> jobs;
  {
    const std::lock_guard lock(mutex_);
    jobs.swap(jobs_);
  }
  for (const Job& job : jobs) {
    job(schedule);
    schedule.vm_event(system_clock().monotonic());
  }
}

}  // namespace kvmtsc
