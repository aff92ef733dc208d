// Periodically: a thread that calls a function again and again, for as long as this lives.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "base/clock.h"

namespace kvmtsc {

class Periodically {
 public:
  // Calls at once, and then `interval` after each call. What it calls may take its time, throws
  // nothing, and outlives this. The end waits for a call that is under way, and not for the
  // interval.
  Periodically(Nanoseconds interval, std::function<void()> call)
      : thread_([interval, call = std::move(call)](const std::stop_token& ending) {
          std::mutex mutex;
          std::unique_lock lock(mutex);
          std::condition_variable_any ended;
          while (!ending.stop_requested()) {
            call();
            ended.wait_for(lock, ending, interval, [] { return false; });
          }
        }) {}

 private:
  std::jthread thread_;
};

}  // namespace kvmtsc
