#include "cli/ending.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

namespace kvmtsc {

Ending::Ending() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  fd_ = UniqueFd(::signalfd(-1, &signals, SFD_CLOEXEC));
}

bool Ending::comes_within(double seconds) const {
  pollfd waited{fd_.get(), POLLIN, 0};
  return ::poll(&waited, 1, static_cast<int>(seconds * 1000)) > 0;
}

}  // namespace kvmtsc
