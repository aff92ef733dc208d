#include "exporter/audit_watch.h"

#include "exporter/log/log.h"

namespace kvmtsc {

AuditWatch::AuditWatch(Journal& journal, Nanoseconds interval)
    : journal_(&journal), looking_(interval, [this] { look(); }) {}

std::optional<Status> AuditWatch::latest() const {
  const std::lock_guard lock(mutex_);
  return latest_;
}

void AuditWatch::look() {
  const Status now = journal_->writable();
  note(now);
  const std::lock_guard lock(mutex_);
  latest_ = now;
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
