// FakeClock: a clock that stands still until a test moves it. Its host TSC runs at 3 GHz.
#pragma once

#include "base/clock.h"

namespace kvmtsc {

class FakeClock final : public Clock {
 public:
  static constexpr std::uint64_t kHertz = 3'000'000'000;

  void advance(Nanoseconds by) { now_ += by; }
  void step_realtime(Nanoseconds by) { realtime_ += by; }
  // Time goes by without the thread being given a CPU.
  void starve(Nanoseconds by) {
    now_ += by;
    starved_ += by;
  }
  void suspend(Nanoseconds by) { suspended_ += by; }
  void set_discipline(TimeDiscipline discipline) { discipline_ = discipline; }

  MonotonicTime monotonic() const override { return {now_}; }
  RealTime realtime() const override { return {realtime_ + now_}; }
  Nanoseconds monotonic_raw() const override { return now_; }
  Nanoseconds suspended() const override { return suspended_; }
  TimeDiscipline discipline() const override { return discipline_; }
  Nanoseconds thread_cpu() const override { return now_ - starved_; }
  std::uint64_t host_tsc() const override {
    return static_cast<std::uint64_t>(now_.count()) * (kHertz / 1'000'000'000);
  }

 private:
  Nanoseconds now_{std::chrono::hours(1)};
  Nanoseconds realtime_{std::chrono::seconds(1'790'000'000)};
  Nanoseconds suspended_{0};
  Nanoseconds starved_{0};
  TimeDiscipline discipline_{true, std::chrono::microseconds(1500)};
};

}  // namespace kvmtsc
