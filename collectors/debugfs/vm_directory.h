// VmDirectory: one VM's directory in debugfs, kept open, and the reading of its vCPUs.
//
//   <debugfs>/kvm/<creator>-<fd>/vcpu<id>/tsc-offset                    decimal, signed
//                                        /tsc-scaling-ratio             decimal; with TSC scaling
//                                        only /tsc-scaling-ratio-frac-bits   decimal; likewise
//                                        /guest_mode                    1 while a nested guest runs
//                                        /pid                           the thread that last ran it
//
// KVM makes these files one by one after the vCPU's directory, so a reading may fall between. A
// kernel gives all vCPUs the same files: a vCPU that lacks one that another vCPU of the VM has is
// not read by what it has, but unreadable until it is whole. What was absent is looked for again:
// at each of a vCPU's first readings, at every reading while vCPUs differ, and of one vCPU in turn
// for ever, which costs next to nothing on a host that has no such file at all.
//
// Source: arch/x86/kvm/debugfs.c and virt/kvm/kvm_main.c. Reading never blocks and pauses nobody.
// The files are not seekable and belong to a VM that may end at any moment, so each is opened, read
// once and closed. Not thread-safe.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "collectors/offset_source.h"
#include "tsc/reading.h"

namespace kvmtsc {

class VmDirectory {
 public:
  // Takes an open directory.
  VmDirectory(UniqueFd directory, const Clock& clock)
      : directory_(std::move(directory)), clock_(&clock) {}

  // TIDs of the threads that last ran the vCPUs, as far as they are known.
  std::vector<pid_t> vcpu_threads();

  // Whether one of the vCPUs of the last reading has ever run: KVM notes the first thread to do so.
  // Absent where it cannot be read.
  std::optional<bool> has_run() const;

  // Reads every vCPU there is now. One that cannot be read is in `unreadable` and makes the VM
  // torn; when none can, the first one's error is the result. kGone when the VM has ended, kTimeout
  // when the limit was reached before the end.
  Result<VmReading> read(const ReadLimit& limit);

 private:
  struct Vcpu {
    VcpuId id = 0;
    // Paths relative to the VM's directory, made once: opening them from its descriptor costs the
    // kernel one walk of two names.
    std::string offset;
    std::string guest_mode;
    std::string ratio;
    std::string fraction_bits;
    std::string pid;
    bool has_guest_mode = false;       // older kernels lack it; nesting then goes unnoticed
    bool has_ratio = false;            // present when the host's hardware scales TSCs
    int misses = 0;                    // how often one of the two was looked for in vain
    std::optional<std::uint8_t> bits;  // what `fraction_bits` says, a constant of the host
  };

  // Lists the vCPUs anew if the directory has changed since it was last listed. Cheap when it has
  // not: one fstat.
  Status refresh();
  Status list_vcpus();
  bool has_ended() const;
  static Vcpu describe(VcpuId id);
  Result<VmReading> read_listed(const ReadLimit& limit);
  Result<VcpuReading> read_vcpu(Vcpu& vcpu) const;
  Result<ScalingRatio> read_ratio(Vcpu& vcpu) const;
  Result<bool> nested(const Vcpu& vcpu) const;
  void look_for_files(Vcpu& vcpu) const;
  void set_aside_unfinished(VmReading& reading);
  void read_again_where_different(VmReading& reading) const;

  UniqueFd directory_;
  const Clock* clock_;
  std::vector<Vcpu> vcpus_;    // ascending by id
  bool vcpus_differ_ = false;  // at the last reading, in the files that they had
  std::size_t turn_ = 0;       // whose turn it is to be looked at again
  // The directory's link count and change time when it was listed: a new vCPU adds a subdirectory,
  // which on debugfs shows in the first and on other file systems in either.
  std::uint64_t listed_links_ = 0;
  Nanoseconds listed_change_{0};
};

}  // namespace kvmtsc
