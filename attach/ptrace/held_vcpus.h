// HeldVcpus: the vCPUs of one correction, all stopped at once. Belongs to one tracer thread.
//
// Every step takes all vCPUs through the same system-call stop before going on to the next, so that
// their calls run side by side and the time they are held grows slower than their number.
#pragma once

#include <optional>
#include <vector>

#include "attach/offset_writer.h"
#include "attach/ptrace/offset_files.h"
#include "attach/ptrace/session.h"

namespace kvmtsc::injection {

class HeldVcpus {
 public:
  // Only before stop_all(). What the thread was reserved without is the arming of its timer.
  void add(const WantedOffset& wanted, const VcpuAccess& access, Reserved&& reserved,
           OffsetFiles&& files);
  // A vCPU that is only to stand still with the others.
  void add_bystander(Reserved&& reserved);

  // Tells every thread to stop before it waits for the first, then finds each vCPU's descriptor. On
  // an error, destroying this lets all go, untouched.
  Status stop_all(const HostRoot& root, const VmKey& vm, const ProcessLayout& layout,
                  MonotonicTime deadline);

  // The offset each vCPU has now. kConflict when one is not what was expected.
  Status read_before(MonotonicTime deadline);

  // Writes all, then reads all back. What fails is noted with its vCPU.
  void write_all(MonotonicTime deadline);
  bool all_applied() const;

  // Writes what read_before() found to every vCPU whose write was begun, and reads it.
  void put_back(MonotonicTime deadline);

  // Writes the same once more, after all have it. KVM looks whether it can use its master clock
  // again when a vCPU enters that was written last, with all equal then; which one that is, is
  // chance, and it may sleep for good (a processor that the guest has not brought up). So each is
  // written with all equal. (kvm_track_tsc_matching in arch/x86/kvm/x86.c: the request is the
  // written vCPU's own.)
  void write_again(MonotonicTime deadline);

  // Has KVM write every vCPU's pvclock page anew before the guest runs on it. KVM asks for that by
  // itself only of the vCPU whose write made all offsets equal, or where the master clock was on;
  // on another, kvmclock would be off by the step until that one has entered.
  void renew_clocks(MonotonicTime deadline);

  // Where that was asked for and a write was begun, whether or not it was put back: until the vCPU
  // runs, arming a timer anew for the same deadline does nothing but get the host's time of it
  // right. What fails is noted with the vCPU's timer alone.
  void rearm_timers(MonotonicTime deadline);

  // Lets all go and tells what happened, of these and of `others`; `begun` is when the first was
  // told to stop.
  WriteReport release(MonotonicTime begun, std::vector<VcpuWrite> others);

 private:
  struct Vcpu {
    VcpuWrite report;
    std::optional<std::int64_t> expected;
    bool rearm = false;
    std::optional<Error> no_rearming;
    const VcpuAccess* access = nullptr;
    std::optional<Reserved> reserved;
    std::optional<OffsetFiles> files;
    std::optional<SavedState> state;
    int fd = -1;
    bool write_begun = false;
    bool taking_part = false;  // in this round
    // Of the call of this round; absent until it has returned or failed.
    std::optional<Result<std::int64_t>> answer;
    std::optional<std::int64_t> result;
  };
  // All that a correction calls in a vCPU's thread.
  enum class Call { kRead, kWrite, kRenewClock, kReadDeadline, kWriteDeadline };
  static const char* name_of(Call call);
  static SystemCall call_in(const Vcpu& vcpu, Call call);

  // From the files, or by a call in each thread where they do not tell.
  void read_offsets(MonotonicTime deadline);
  void run_round(Call call, MonotonicTime deadline);
  // The call in each thread of those taking part, all in the same step at a time.
  void call_in_each(Call call, MonotonicTime deadline);
  static void fail(Vcpu& vcpu, const Error& error);

  std::vector<Vcpu> vcpus_;
  std::vector<Reserved> bystanders_;
  std::vector<Stop> stopped_bystanders_;
  bool put_back_ = false;
};

}  // namespace kvmtsc::injection
