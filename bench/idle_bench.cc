#include "bench/idle_bench.h"

#include <time.h>

#include <chrono>
#include <thread>

#include "bench/service.h"
#include "bench/stopwatch.h"

namespace kvmtsc::bench {
namespace {

constexpr std::chrono::seconds kDuration{30};
constexpr double kLimit = 0.5;  // % of a core
constexpr double kPercent = 100;

// User and system time of all threads, to the nanosecond; /proc/<pid>/stat counts in hundredths of
// a second, of which there are few here.
Result<double> cpu_seconds(pid_t pid) {
  clockid_t clock{};
  timespec spent{};
  if (const int error = ::clock_getcpuclockid(pid, &clock); error != 0) {
    return errno_error(error, "the service's CPU clock");
  }
  if (::clock_gettime(clock, &spent) != 0) {
    return errno_error(errno, "the service's CPU clock");
  }
  return std::chrono::duration<double>(std::chrono::seconds(spent.tv_sec) +
                                       std::chrono::nanoseconds(spent.tv_nsec))
      .count();
}

}  // namespace

Status measure_idle(const std::string& debugfs, std::size_t vcpus, Results& results) {
  const auto service = start_service(debugfs, vcpus);
  if (!service) {
    return service.error();
  }
  const pid_t pid = (*service)->pid();
  const auto before = cpu_seconds(pid);
  const Stopwatch watch;
  std::this_thread::sleep_for(kDuration);
  const auto after = cpu_seconds(pid);
  const double elapsed = watch.seconds();
  if (!before || !after) {
    return before ? after.error() : before.error();
  }
  results.add({"idle CPU, a sweep every 5 s, over 30 s",
               "% of a core",
               (*after - *before) / elapsed * kPercent,
               {},
               kLimit,
               {}});
  return ok_status();
}

}  // namespace kvmtsc::bench
