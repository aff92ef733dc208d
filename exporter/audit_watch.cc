#include "exporter/audit_watch.h"

#include "exporter/log/log.h"

namespace kvmtsc {

AuditWatch::AuditWatch(Journal& journal, Nanoseconds interval)
    : journal_(&journal), thread_([this, interval] { run(interval); }) {}

AuditWatch::~AuditWatch() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::optional<Status> AuditWatch::latest() const {
  const std::lock_guard lock(mutex_);
  return latest_;
}

void AuditWatch::run(Nanoseconds interval) {
  std::unique_lock lock(mutex_);
  while (!ending_) {
    lock.unlock();
    const Status now = journal_->writable();
    note(now);
    lock.lock();
    latest_ = now;
    wake_.wait_for(lock, interval, [this] { return ending_; });
  }
}

void AuditWatch::note(const Status& now) {
  const auto before = latest();
  const bool was_well = !before || before->ok();
  if (was_well && !now) {
    log::error("the audit cannot be written, so corrections will be refused",
               log::with_error({}, now.error()));
  } else if (!was_well && now) {
    log::info("the audit can be written again");
  }
}

}  // namespace kvmtsc
