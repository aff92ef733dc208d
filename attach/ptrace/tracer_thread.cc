#include "attach/ptrace/tracer_thread.h"

#include <system_error>
#include <thread>

namespace kvmtsc::injection::internal {

Status run_detached_from_signals(const std::function<void(const TracerThread&)>& body) {
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  // The new thread inherits the mask, so no handler of ours ever runs between stop and detach.
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  std::optional<Error> failed;
  std::thread thread;
  try {
    thread = std::thread([&] { body(TracerThread{}); });
  } catch (const std::system_error& error) {
    failed = errno_error(error.code().value(), "starting a tracer thread");
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (failed) {
    return *failed;
  }
  thread.join();
  return ok_status();
}

}  // namespace kvmtsc::injection::internal
