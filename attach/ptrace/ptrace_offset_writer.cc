#include "attach/ptrace/ptrace_offset_writer.h"

#include <algorithm>
#include <string>

#include "attach/ptrace/held_vcpus.h"

namespace kvmtsc::injection {
namespace {

Status check(std::span<const WantedOffset> sorted, const VmAccess& access) {
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const std::string name = vcpu_name(sorted[i].id);
    if (i > 0 && sorted[i].id == sorted[i - 1].id) {
      return Error{ErrorKind::kInvalid, name + " is named twice", {}};
    }
    if (access.vcpus.find(sorted[i].id) == access.vcpus.end()) {
      return Error{ErrorKind::kRefused, name + " has no known thread",
                   "it must exist and have run once before its offset can be written"};
    }
  }
  return ok_status();
}

}  // namespace

Result<WriteReport> PtraceOffsetWriter::write(const AttachTarget& vm,
                                              std::span<const WantedOffset> offsets,
                                              MonotonicTime deadline) {
  if (offsets.empty()) {
    return Error{ErrorKind::kInvalid, "no offsets to write", {}};
  }
  const auto prepared = prepare(options_, vm);
  if (!prepared) {
    return prepared.error();
  }
  std::vector<WantedOffset> sorted(offsets.begin(), offsets.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const WantedOffset& a, const WantedOffset& b) { return a.id < b.id; });
  if (auto checked = check(sorted, prepared->access); !checked) {
    return checked.error();
  }
  return TracerThread::run([&](const TracerThread& self) -> Result<WriteReport> {
    if (prepared->access.vcpus.size() == 1) {
      self.run_beside(options_.root, vm.pid, prepared->access.vcpus.begin()->second.thread);
    }
    HeldVcpus vcpus;
    for (const WantedOffset& wanted : sorted) {
      const VcpuAccess& access = prepared->access.vcpus.at(wanted.id);
      auto reserved = reserve(self, options_, vm, access.thread, prepared->layout.gadgets);
      if (!reserved) {
        return reserved.error();
      }
      vcpus.add(wanted, access, *std::move(reserved), {options_.root, vm.key, wanted.id});
    }
    for (const auto& [id, access] : prepared->access.vcpus) {
      const bool named =
          std::any_of(sorted.begin(), sorted.end(),
                      [id = id](const WantedOffset& wanted) { return wanted.id == id; });
      if (!named) {
        auto reserved = reserve(self, options_, vm, access.thread, prepared->layout.gadgets);
        if (!reserved) {
          return reserved.error();
        }
        vcpus.add_bystander(*std::move(reserved));
      }
    }
    // A third of the time is kept for putting back.
    const MonotonicTime begun = system_clock().monotonic();
    const MonotonicTime end = hold_deadline(options_, deadline);
    const MonotonicTime forward_end = begun + (end - begun) * 2 / 3;

    if (auto stopped = vcpus.stop_all(options_.root, vm.key, prepared->layout, forward_end);
        !stopped) {
      return stopped.error();
    }
    if (auto read = vcpus.read_before(forward_end); !read) {
      return read.error();  // nothing is written yet
    }
    vcpus.write_all(forward_end);
    if (!vcpus.all_applied()) {
      vcpus.put_back(end);
    }
    vcpus.renew_clocks(end);
    return vcpus.release(begun);
  });
}

}  // namespace kvmtsc::injection
