// ParkedVcpus: the vCPUs of one correction that no thread runs, written by calls on a thread of the
// process that is no vCPU's, the carrier.
//
// QEMU ends the thread of a vCPU that is unplugged and keeps its descriptor, and KVM goes on
// counting the vCPU for the master clock; one that was plugged in and not brought up has not run
// yet. Nobody holds such a vCPU's mutex, so an ioctl on its descriptor returns at once from any
// thread of the process. Should a thread take the vCPU up meanwhile, the call waits for it in the
// kernel: then the deadline passes, and the carrier is left to itself and restores itself
// (saved_state.h). So that this does not come about, the carrier is the main thread where it can
// be, which in QEMU is the one that starts vCPUs, and every thread that is known to run one stands
// still before the first call.
//
// Belongs to one tracer thread.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "attach/offset_writer.h"
#include "attach/ptrace/offset_files.h"
#include "attach/ptrace/session.h"

namespace kvmtsc::injection {

class ParkedVcpus {
 public:
  // Only before carry().
  void add(const WantedOffset& wanted, int descriptor, OffsetFiles&& files);
  bool empty() const { return vcpus_.empty(); }

  // Stops the carrier and makes it ready. kRefused when a thread of the process is inside KVM_RUN
  // of one of these vCPUs after all. On an error, destroying this lets the carrier go, untouched.
  Status carry(const HostRoot& root, pid_t process, Reserved&& carrier, const ProcessLayout& layout,
               MonotonicTime deadline);

  // The offset each has now. kConflict when one is not what was expected.
  Status read_before(MonotonicTime deadline);
  // Writes all, then reads all back. What fails is noted with its vCPU. Before the other vCPUs are
  // written: KVM grants the master clock to those that wrote the same offset as the last one did.
  void write_all(MonotonicTime deadline);
  bool all_applied() const;
  // Writes what read_before() found to every vCPU whose write was begun, and reads it.
  void put_back(MonotonicTime deadline);

  // Lets the carrier go; what became of each vCPU. No guest was kept from running on them.
  std::vector<VcpuWrite> release();

 private:
  struct Vcpu {
    VcpuWrite report;
    std::optional<std::int64_t> expected;
    int fd = -1;
    OffsetFiles files;
    bool write_begun = false;
  };

  Status nobody_runs_them(const HostRoot& root, pid_t process) const;
  std::optional<std::int64_t> read(Vcpu& vcpu, MonotonicTime deadline);
  std::optional<std::int64_t> read_by_call(Vcpu& vcpu, MonotonicTime deadline);
  bool write(Vcpu& vcpu, std::int64_t offset, MonotonicTime deadline);
  static void note(Vcpu& vcpu, const Error& error);

  std::vector<Vcpu> vcpus_;
  std::optional<SavedState> carrier_;
};

}  // namespace kvmtsc::injection
