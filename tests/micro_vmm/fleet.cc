#include "tests/micro_vmm/fleet.h"

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

namespace kvmtsc::micro_vmm {

// Runs one task at a time, and waits for the next.
class Fleet::CreatorThread {
 public:
  CreatorThread() : thread_([this] { loop(); }) {}
  ~CreatorThread() {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
      changed_.notify_all();
    }
    thread_.join();
  }
  CreatorThread(const CreatorThread&) = delete;
  CreatorThread& operator=(const CreatorThread&) = delete;

  void run(const std::function<void()>& task) {
    std::unique_lock lock(mutex_);
    task_ = &task;
    changed_.notify_all();
    changed_.wait(lock, [this] { return task_ == nullptr; });
  }

 private:
  void loop() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return stopping_ || task_ != nullptr; });
      if (stopping_) {
        return;
      }
      (*task_)();
      task_ = nullptr;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void()>* task_ = nullptr;
  bool stopping_ = false;
  std::thread thread_;
};

Fleet::Fleet(UniqueFd kvm, VmOptions options, Creator creator)
    : kvm_(std::move(kvm)), options_(std::move(options)), creator_(creator) {
  if (creator_ == Creator::kOtherThread) {
    thread_ = std::make_unique<CreatorThread>();
  }
}

Fleet::~Fleet() = default;

void Fleet::on_creator_thread(const std::function<void()>& task) {
  switch (creator_) {
    case Creator::kMainThread:
      task();
      break;
    case Creator::kOtherThread:
      thread_->run(task);
      break;
    case Creator::kEndedThread:
      std::thread(task).join();
      break;
  }
}

Result<std::size_t> Fleet::add() {
  Result<std::unique_ptr<Vm>> vm = Error{};
  on_creator_thread([&] { vm = Vm::create(kvm_.get(), options_); });
  if (!vm) {
    return vm.error();
  }
  vms_.push_back(std::move(*vm));
  return vms_.size() - 1;
}

Status Fleet::close(std::size_t index) {
  if (auto vm = find(index); !vm) {
    return vm.error();
  }
  vms_[index].reset();
  return ok_status();
}

Result<Vm*> Fleet::find(std::size_t index) const {
  if (index >= vms_.size() || vms_[index] == nullptr) {
    return Error{ErrorKind::kNotFound, "no VM " + std::to_string(index), ""};
  }
  return vms_[index].get();
}

std::vector<std::size_t> Fleet::indices() const {
  std::vector<std::size_t> live;
  for (std::size_t index = 0; index < vms_.size(); ++index) {
    if (vms_[index] != nullptr) {
      live.push_back(index);
    }
  }
  return live;
}

}  // namespace kvmtsc::micro_vmm
