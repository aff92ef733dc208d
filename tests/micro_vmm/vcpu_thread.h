// VcpuThread: the thread that runs one vCPU, and through which its ioctls go.
//
// A vCPU's ioctls wait for its mutex, which KVM_RUN holds; so each is run by this thread between
// two KVM_RUNs. Whoever wants one kicks the thread: kvm_run.immediate_exit makes the next KVM_RUN
// return at once, a signal makes the present one return.
#pragma once

#include <linux/kvm.h>
#include <sys/types.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "base/result.h"

namespace kvmtsc::micro_vmm {

class VcpuThread {
 public:
  // Starts running the vCPU. `vcpu_fd` and `run` are borrowed and outlive this. Uses SIGUSR1, for
  // which it installs a handler in this process.
  VcpuThread(int vcpu_fd, kvm_run* run);
  ~VcpuThread();
  VcpuThread(const VcpuThread&) = delete;
  VcpuThread& operator=(const VcpuThread&) = delete;

  pid_t tid() const { return tid_; }

  // Runs `task` on the vCPU's thread, outside KVM_RUN, and returns when it is done. Any thread.
  void run_between_entries(const std::function<void()>& task);

  // Returns once the thread is outside KVM_RUN and will stay so until resume().
  void pause();
  void resume();

  // Why the vCPU stopped running, if it did: an exit that this VMM does not serve, or an errno.
  std::optional<Error> failure();

 private:
  void loop();
  void kick();

  const int vcpu_fd_;
  kvm_run* const run_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<const std::function<void()>*> tasks_;  // guarded by mutex_, like all below
  unsigned long tasks_added_ = 0;
  unsigned long tasks_done_ = 0;
  bool paused_ = false;
  bool halted_ = false;  // HLT without an in-kernel irqchip: nothing will wake the guest
  bool stopping_ = false;
  std::optional<Error> failure_;
  pid_t tid_ = 0;  // written once, before the constructor returns
  std::thread thread_;
};

}  // namespace kvmtsc::micro_vmm
