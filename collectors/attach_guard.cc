#include "collectors/attach_guard.h"

#include <string>
#include <utility>

#include "base/join.h"
#include "base/utf8.h"
#include "collectors/process.h"

namespace kvmtsc {
namespace {

// What was not found, for there is no such process; otherwise why it could not be read.
Result<std::string> none_or(const Error& error) {
  const bool none = error.kind == ErrorKind::kNotFound || error.kind == ErrorKind::kGone;
  return none ? Result<std::string>(std::string()) : error;
}

Result<std::string> command_line_of(const Process& process) {
  const auto arguments = process.arguments();
  if (!arguments) {
    return none_or(arguments.error());
  }
  if (arguments->empty()) {
    return Error{ErrorKind::kInvalid, "its process shows no command line", {}};
  }
  return to_valid_utf8(join(*arguments, " "), Process::kMaxCommandLine);
}

Result<std::string> cgroup_of(const Process& process) {
  const auto cgroup = process.cgroup();
  return cgroup ? Result<std::string>(to_valid_utf8(*cgroup, Process::kMaxCommandLine))
                : none_or(cgroup.error());
}

}  // namespace

AttachGuard::AttachGuard(HostRoot root, AttachRules rules)
    : root_(std::move(root)), rules_(std::make_shared<const AttachRules>(std::move(rules))) {}

Status AttachGuard::admit(const AttachTarget& vm) const {
  std::shared_ptr<const AttachRules> rules;
  {
    const std::lock_guard lock(mutex_);
    rules = rules_;
  }
  if (rules->empty()) {
    return ok_status();
  }
  const Process process(root_, vm.pid);
  return rules->admit({vm.name, vm.uuid, command_line_of(process), cgroup_of(process)});
}

void AttachGuard::set_rules(AttachRules rules) {
  auto next = std::make_shared<const AttachRules>(std::move(rules));
  const std::lock_guard lock(mutex_);
  rules_ = std::move(next);
}

Result<ClockReading> GuardedClockSource::read_clock(const AttachTarget& vm,
                                                    MonotonicTime deadline) {
  const Status admitted = guard_->admit(vm);
  return admitted ? source_->read_clock(vm, deadline) : admitted.error();
}

Result<VcpuFrequency> GuardedClockSource::read_frequency(const AttachTarget& vm, VcpuId vcpu,
                                                         MonotonicTime deadline) {
  const Status admitted = guard_->admit(vm);
  return admitted ? source_->read_frequency(vm, vcpu, deadline) : admitted.error();
}

Result<ForeseenWrite> GuardedOffsetWriter::foresee(const AttachTarget& vm,
                                                   std::span<const VcpuId> vcpus) const {
  const Status admitted = guard_->admit(vm);
  return admitted ? writer_->foresee(vm, vcpus) : admitted.error();
}

Result<WriteReport> GuardedOffsetWriter::write(const AttachTarget& vm,
                                               std::span<const WantedOffset> offsets,
                                               MonotonicTime deadline) {
  const Status admitted = guard_->admit(vm);
  return admitted ? writer_->write(vm, offsets, deadline) : admitted.error();
}

}  // namespace kvmtsc
