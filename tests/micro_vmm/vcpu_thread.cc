#include "tests/micro_vmm/vcpu_thread.h"

#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>

namespace kvmtsc::micro_vmm {
namespace {

constexpr int kKickSignal = SIGUSR1;

void install_kick_handler() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action {};
    action.sa_handler = [](int) {};  // without SA_RESTART: interrupting is all it is for
    ::sigaction(kKickSignal, &action, nullptr);
  });
}

}  // namespace

VcpuThread::VcpuThread(int vcpu_fd, kvm_run* run) : vcpu_fd_(vcpu_fd), run_(run) {
  install_kick_handler();
  std::unique_lock lock(mutex_);
  thread_ = std::thread([this] { loop(); });
  changed_.wait(lock, [this] { return tid_ != 0; });
}

VcpuThread::~VcpuThread() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    kick();
  }
  thread_.join();
}

void VcpuThread::run_between_entries(const std::function<void()>& task) {
  std::unique_lock lock(mutex_);
  tasks_.push_back(&task);
  const unsigned long number = ++tasks_added_;
  kick();
  changed_.wait(lock, [this, number] { return tasks_done_ >= number; });
}

void VcpuThread::pause() {
  {
    const std::scoped_lock lock(mutex_);
    paused_ = true;
  }
  run_between_entries([] {});
}

void VcpuThread::resume() {
  const std::scoped_lock lock(mutex_);
  paused_ = false;
  changed_.notify_all();
}

std::optional<Error> VcpuThread::failure() {
  const std::scoped_lock lock(mutex_);
  return failure_;
}

// Called with mutex_ held, after the request has been recorded. The thread clears immediate_exit
// before it takes mutex_ and looks for requests, so either it sees this one or its next KVM_RUN
// sees the flag.
void VcpuThread::kick() {
  std::atomic_ref<__u8>(run_->immediate_exit).store(1);
  ::pthread_kill(thread_.native_handle(), kKickSignal);
  changed_.notify_all();
}

void VcpuThread::loop() {
  std::unique_lock lock(mutex_);
  tid_ = ::gettid();
  changed_.notify_all();
  while (true) {
    while (!tasks_.empty()) {
      const std::function<void()>* task = tasks_.front();
      tasks_.pop_front();
      lock.unlock();
      (*task)();
      lock.lock();
      ++tasks_done_;
      changed_.notify_all();
    }
    if (stopping_) {
      return;
    }
    if (paused_ || halted_ || failure_) {
      changed_.wait(lock);
      continue;
    }
    lock.unlock();
    const int entered = ::ioctl(vcpu_fd_, KVM_RUN, 0);
    const int error_number = errno;
    std::atomic_ref<__u8>(run_->immediate_exit).store(0);
    lock.lock();
    if (entered == 0 && run_->exit_reason == KVM_EXIT_HLT) {
      halted_ = true;
    } else if (entered == 0 && run_->exit_reason != KVM_EXIT_INTR) {
      failure_ = Error{ErrorKind::kUnsupported,
                       "KVM_RUN: exit reason " + std::to_string(run_->exit_reason), ""};
    } else if (entered != 0 && error_number != EINTR && error_number != EAGAIN) {
      failure_ = errno_error(error_number, "KVM_RUN");
    }
  }
}

}  // namespace kvmtsc::micro_vmm
