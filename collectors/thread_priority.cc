#include "collectors/thread_priority.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

namespace kvmtsc {

Status prefer_this_thread() {
  // On Linux a nice value is a thread's own (setpriority(2), "C library/kernel differences").
  if (::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kSamplingNice) == 0) {
    return ok_status();
  }
  Error error = errno_error(errno, "nice value of the sampling thread");
  error.remedy =
      "grant CAP_SYS_NICE or LimitNICE=-15; without, sweeps come late on a host that has too much "
      "to do";
  return error;
}

}  // namespace kvmtsc
