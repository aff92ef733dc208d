#include "attach/ptrace/tracer_thread.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <system_error>
#include <thread>

#include "attach/ptrace/ticker.h"

namespace kvmtsc::injection::internal {
namespace {

// On a busy host a thread that has to wait for its turn between two steps makes the VMM wait with
// it, for tens of milliseconds. This one sleeps almost all of the time, so going first harms
// nobody. Where neither is allowed it does without.
void go_first() {
  const sched_param lowest_realtime{1};
  if (::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &lowest_realtime) != 0) {
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), -20);
  }
}

}  // namespace

Status run_detached_from_signals(const std::function<void(const TracerThread&)>& body) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  // The new thread inherits the mask, so no handler of ours ever runs between stop and detach.
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::optional<Error> failed;
  std::thread thread;
  try {
    thread = std::thread([&] {
      const auto ticker = Ticker::start();
      if (!ticker) {
        failed = ticker.error();
        return;
      }
      go_first();
      body(TracerThread{});
    });
  } catch (const std::system_error& error) {
    failed = errno_error(error.code().value(), "starting a tracer thread");
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (thread.joinable()) {
    thread.join();
  }
  if (failed) {
    return *failed;
  }
  return ok_status();
}

}  // namespace kvmtsc::injection::internal
