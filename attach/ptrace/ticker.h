// Ticker: interrupts the blocking calls of one thread every two milliseconds, so that a wait can
// have a deadline.
//
// waitid(2) has no timeout, and asking it again and again without blocking is slow exactly when the
// machine is busy: the thread that asks loses its turn, while one that sleeps in the kernel is
// woken at once. So tracer threads block, and a timer's signal makes waitid return EINTR now and
// then. The signal is a real-time signal that nobody in the process had a use for; it is delivered
// to tracer threads alone.
#pragma once

#include <time.h>

#include "base/result.h"

namespace kvmtsc::injection {

class Ticker {
 public:
  // For the calling thread, which must also be the one that destroys it. Every other signal should
  // be blocked in it.
  static Result<Ticker> start();

  Ticker(Ticker&& other) noexcept;
  Ticker& operator=(Ticker&&) = delete;
  Ticker(const Ticker&) = delete;
  Ticker& operator=(const Ticker&) = delete;
  ~Ticker();

 private:
  explicit Ticker(timer_t timer) : timer_(timer), owned_(true) {}
  timer_t timer_;
  bool owned_;
};

}  // namespace kvmtsc::injection
