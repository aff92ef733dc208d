#include "tsc/guest_notice.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

// A plan that moves each vCPU's TSC by so many milliseconds.
CorrectionPlan plan_of(const std::vector<double>& milliseconds) {
  CorrectionPlan plan;
  for (const double one : milliseconds) {
    const auto ticks = static_cast<std::int64_t>(one * 1e6);
    plan.vcpus.push_back({static_cast<VcpuId>(plan.vcpus.size()), 0, ticks, ticks, one / 1e3});
  }
  return plan;
}

TEST(GuestNotice, ForwardAClockJumpsAndBackItStandsStill) {
  EXPECT_EQ(guest_notice(plan_of({5000, 5000})),
            "on clocksource tsc its clock jumps ahead by 5 s, on kvm-clock it goes on; timers are "
            "armed anew");
  EXPECT_EQ(guest_notice(plan_of({-3000})),
            "on clocksource tsc its clock stands still for 3 s, on kvm-clock it goes on; timers "
            "are armed anew");
}

TEST(GuestNotice, VcpusThatMoveDifferentlyAreToldByTheFurthest) {
  EXPECT_EQ(guest_notice(plan_of({3, 0})),
            "on clocksource tsc its clock jumps ahead by up to 3 ms, on kvm-clock it goes on; "
            "timers are armed anew");
  EXPECT_EQ(guest_notice(plan_of({3, -2})),
            "on clocksource tsc its clock jumps ahead by up to 3 ms and stands still for up to "
            "2 ms, on kvm-clock it goes on; timers are armed anew");
}

TEST(GuestNotice, TimersAreLeftAloneUpToAMillisecond) {
  EXPECT_EQ(guest_notice(plan_of({1})),
            "on clocksource tsc its clock jumps ahead by 1 ms, on kvm-clock it goes on");
}

TEST(GuestNotice, TimersThatCannotBeArmedAnewAreLateOrEarlyOnce) {
  const auto ending = [](const std::vector<double>& milliseconds) {
    CorrectionPlan plan = plan_of(milliseconds);
    plan.timers_left = Error{ErrorKind::kRefused, "a filter", "none"};
    const std::string text = *guest_notice(plan);
    const auto at = text.find("; ");
    return at == std::string::npos ? "" : text.substr(at);
  };
  EXPECT_EQ(ending({5000, 0}), "; a timer that is armed may be late by as much, once: a filter");
  EXPECT_EQ(ending({-5000}), "; a timer that is armed may be early by as much, once: a filter");
  EXPECT_EQ(ending({5, -5}),
            "; a timer that is armed may be late or early by as much, once: a filter");
  EXPECT_EQ(ending({0.5}), "");
}

TEST(GuestNotice, AStepOfUnknownTimeIsToldInTicks) {
  CorrectionPlan plan = plan_of({-2});
  plan.vcpus[0].jump_seconds.reset();
  EXPECT_EQ(guest_notice(plan),
            "on clocksource tsc its clock stands still for 2000000 ticks, on kvm-clock it goes on; "
            "timers are armed anew");
}

TEST(GuestNotice, NothingWhereNoTscMoves) {
  EXPECT_FALSE(guest_notice(plan_of({0, 0})));
  EXPECT_FALSE(guest_notice(plan_of({})));
}

}  // namespace
}  // namespace kvmtsc
