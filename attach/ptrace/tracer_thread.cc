#include "attach/ptrace/tracer_thread.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <string_view>
#include <system_error>
#include <thread>
#include <vector>

#include "attach/ptrace/thread_facts.h"
#include "attach/ptrace/ticker.h"
#include "base/file.h"
#include "base/parse.h"

namespace kvmtsc::injection {
namespace {

// Whether more threads want to run, the caller included, than there are CPUs; true also where that
// is not known.
bool host_is_busy() {
  std::array<char, 128> buffer{};
  const auto text = read_small_file_at(AT_FDCWD, "/proc/loadavg", buffer);
  const auto fields = text ? split(*text, ' ') : std::vector<std::string_view>{};
  const auto running =
      fields.size() > 3 ? parse_u32(split(fields[3], '/').front()) : std::nullopt;  // "2/345"
  return !running || *running > std::thread::hardware_concurrency();
}

// A thread that has to wait for its turn between two steps makes the VMM wait with it, for
// milliseconds on a busy host. A real-time thread does not, and this one sleeps almost all of the
// time. Where that is not allowed it does without.
void go_first() {
  const sched_param lowest_realtime{1};
  if (::pthread_setschedparam(::pthread_self(), SCHED_FIFO, &lowest_realtime) != 0) {
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), -20);
  }
}

// Each stop of a tracee would send this process a SIGCHLD; tracer threads block it, so the kernel
// would wake another thread to throw it away, while the tracee is held: half of the hold. A handler
// that somebody installed keeps what it asked for.
void forgo_signals_of_stops() {
  struct sigaction action {};
  if (::sigaction(SIGCHLD, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) {
    action.sa_flags |= SA_NOCLDSTOP;
    ::sigaction(SIGCHLD, &action, nullptr);
  }
}

}  // namespace

Status internal::run_detached_from_signals(const std::function<void(const TracerThread&)>& body) {
  static const bool once = (forgo_signals_of_stops(), true);
  (void)once;
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  // The new thread inherits the mask, so no handler of ours ever runs between stop and detach.
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const bool busy = host_is_busy();  // asked by one thread, before there are two
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
      body(TracerThread{busy});
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

void TracerThread::run_beside(const HostRoot& root, pid_t process, Tid tracee) const {
  const auto cpu = read_last_cpu(root, process, tracee);
  if (host_busy_ || !cpu || *cpu >= CPU_SETSIZE) {
    return;
  }
  cpu_set_t only;
  CPU_ZERO(&only);
  CPU_SET(*cpu, &only);
  if (::sched_setaffinity(0, sizeof only, &only) != 0) {
    return;  // not one of ours
  }
  // As one of equals: the scheduler would move the tracee out of the way of anything else.
  const sched_param normal{};
  ::pthread_setschedparam(::pthread_self(), SCHED_OTHER, &normal);
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), 0);
}

}  // namespace kvmtsc::injection
