#include "collectors/clock_sampling.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace kvmtsc {
namespace {

using std::chrono::seconds;

class FakeClockSource final : public ClockSource {
 public:
  explicit FakeClockSource(FakeClock& clock) : clock_(&clock) {}

  Result<ClockReading> read_clock(const AttachTarget& vm, MonotonicTime /*deadline*/) override {
    ++clock_reads;
    last_target = vm;
    clock_->advance(takes);
    if (error) {
      return *error;
    }
    ClockReading reading;
    reading.triple.host_tsc = clock_->host_tsc();
    reading.triple.kvmclock_ns = static_cast<std::uint64_t>(clock_->monotonic_raw().count());
    reading.triple.flags = 0xe;
    reading.held = std::chrono::microseconds(30);
    return reading;
  }
  Result<VcpuFrequency> read_frequency(const AttachTarget& /*vm*/, VcpuId vcpu,
                                       MonotonicTime /*deadline*/) override {
    frequency_reads.push_back(vcpu);
    if (error) {
      return *error;
    }
    if (vcpu == parked) {
      return Error{ErrorKind::kNotFound, "no thread runs it", {}};
    }
    return VcpuFrequency{vcpu, 3'000'000, std::chrono::microseconds(40)};
  }

  std::optional<CallFilters> call_filters(const VmKey& /*vm*/) const override { return filters; }

  std::optional<CallFilters> filters;
  int clock_reads = 0;
  AttachTarget last_target;
  std::vector<VcpuId> frequency_reads;
  std::optional<Error> error;
  std::optional<VcpuId> parked;  // that no thread runs
  Nanoseconds takes{0};

 private:
  FakeClock* clock_;
};

class ClockSamplingTest : public testing::Test {
 protected:
  // A healthy VM of two vCPUs as a sweep would have it, after observe().
  VmState observed(ClockSampling& sampling, pid_t pid = 4711) {
    VmState state;
    state.key = {pid, 3, 1};
    state.identity.pid = pid;
    state.reading.emplace();
    state.reading->vcpus = {{0, offset_, {}, {}}, {1, offset_, {}, {}}};
    state.steps = steps_;
    state.never_ran = never_ran_;
    state.skew = analyse_skew(state.reading->vcpus, 0, 0);
    state.frequency = Frequency{3e9, 1};
    sampling.observe(state);
    return state;
  }
  VmState next_sweep(ClockSampling& sampling, Nanoseconds later = seconds(5)) {
    clock_.advance(later);
    sampling.begin_sweep();
    return observed(sampling);
  }

  FakeClock clock_;
  FakeClockSource source_{clock_};
  std::int64_t offset_ = -1000;
  bool never_ran_ = false;
  std::vector<VcpuSteps> steps_{{0, 0}, {1, 0}};
  ClockSampling sampling_{ClockSamplingOptions{}, source_, clock_};
};

TEST_F(ClockSamplingTest, WhatFiltersSayIsToldBesideWhatWasRead) {
  EXPECT_FALSE(next_sweep(sampling_).call_filters);
  source_.filters.emplace();
  source_.filters->clock.kind = CallVerdict::Kind::kDenied;
  source_.error = Error{ErrorKind::kRefused, "a seccomp filter", {}};
  const VmState state = next_sweep(sampling_, seconds(10));
  EXPECT_TRUE(state.clock_error);
  ASSERT_TRUE(state.call_filters);
  EXPECT_EQ(state.call_filters->clock.kind, CallVerdict::Kind::kDenied);
  EXPECT_EQ(state.call_filters->corrections.kind, CallVerdict::Kind::kUnknown);
}

TEST_F(ClockSamplingTest, BeforeTheFirstRunTheMasterClockIsUnknownAndThenReadAtOnce) {
  never_ran_ = true;
  EXPECT_EQ(master_clock(next_sweep(sampling_)), std::nullopt);
  EXPECT_EQ(master_clock(next_sweep(sampling_)), std::nullopt);
  never_ran_ = false;
  const int before = source_.clock_reads;
  EXPECT_EQ(master_clock(next_sweep(sampling_, seconds(1))), true);
  EXPECT_EQ(source_.clock_reads, before + 1);
}

TEST_F(ClockSamplingTest, ReadsEachVmOnceAnInterval) {
  EXPECT_TRUE(next_sweep(sampling_).clock->master_clock());
  EXPECT_EQ(source_.last_target.pid, 4711);
  EXPECT_TRUE(next_sweep(sampling_).clock);  // the last reading still stands
  EXPECT_EQ(source_.clock_reads, 1);
  next_sweep(sampling_);
  EXPECT_EQ(source_.clock_reads, 2);
}

TEST_F(ClockSamplingTest, MonitoringAloneHoldsNoVcpu) {
  for (int i = 0; i < 20; ++i) {
    next_sweep(sampling_);
  }
  EXPECT_TRUE(source_.frequency_reads.empty());
  EXPECT_EQ(sampling_.holds().vcpus.count, 0u);
  EXPECT_EQ(sampling_.holds().others.count, 10u);
}

TEST_F(ClockSamplingTest, AHealthyVmDoesNotDivergeAndAWriteShows) {
  next_sweep(sampling_);
  const auto healthy = next_sweep(sampling_, seconds(1000)).divergence;
  ASSERT_TRUE(healthy);
  EXPECT_LE(std::abs(healthy->seconds), healthy->bound_seconds);
  offset_ += 3'000'000;
  const auto written = next_sweep(sampling_, seconds(10)).divergence;
  EXPECT_NEAR(written->seconds, 1e-3, written->bound_seconds);
  EXPECT_GT(std::abs(written->seconds), written->bound_seconds);
}

TEST_F(ClockSamplingTest, TheErrorOfWholeKilohertzIsInTheBound) {
  const auto observed_at = [&](ClockSampling& sampling) {
    VmState state = next_sweep(sampling, seconds(1000));
    state.frequency = Frequency{3e9 - 200, 1};
    clock_.advance(seconds(10));
    sampling.begin_sweep();
    sampling.observe(state);
    return state.divergence;
  };
  observed_at(sampling_);
  const auto later = observed_at(sampling_);
  EXPECT_LE(std::abs(later->seconds), later->bound_seconds);
  EXPECT_GT(later->bound_seconds, 1000 * 200 / 3e9);
}

TEST_F(ClockSamplingTest, FrequenciesAreReadOnceAndAfterAStep) {
  ClockSamplingOptions options;
  options.frequencies = true;
  ClockSampling sampling(options, source_, clock_);
  EXPECT_EQ(next_sweep(sampling).tsc_khz, 3'000'000u);
  next_sweep(sampling);
  EXPECT_EQ(source_.frequency_reads, (std::vector<VcpuId>{0, 1}));
  steps_[1].count = 1;
  next_sweep(sampling);
  EXPECT_EQ(source_.frequency_reads, (std::vector<VcpuId>{0, 1, 1}));
  EXPECT_EQ(sampling.holds().vcpus.count, 3u);
}

TEST_F(ClockSamplingTest, AVcpuThatNoThreadRunsDoesNotKeepTheOthersFromBeingAsked) {
  ClockSamplingOptions options;
  options.frequencies = true;
  ClockSampling sampling(options, source_, clock_);
  source_.parked = 0;
  next_sweep(sampling);
  EXPECT_EQ(source_.frequency_reads, (std::vector<VcpuId>{0, 1}));
}

TEST_F(ClockSamplingTest, ARefusalIsToldAndTriedAgain) {
  source_.error = Error{ErrorKind::kRefused, "a seccomp filter", "allow it"};
  auto state = next_sweep(sampling_);
  EXPECT_FALSE(state.clock);
  EXPECT_EQ(state.clock_error->remedy, "allow it");
  EXPECT_EQ(state.clock_errors, 1u);
  source_.error.reset();
  state = next_sweep(sampling_, seconds(10));
  EXPECT_TRUE(state.clock);
  EXPECT_FALSE(state.clock_error);
  EXPECT_EQ(state.clock_errors, 1u);
}

TEST_F(ClockSamplingTest, AnExclusionIsToldAndNoFailure) {
  ClockSamplingOptions options;
  options.frequencies = true;
  ClockSampling sampling(options, source_, clock_);
  source_.error = Error{ErrorKind::kExcluded, "attach.exclude[0] matches", "leave it"};
  auto state = next_sweep(sampling);
  EXPECT_FALSE(state.clock);
  EXPECT_EQ(state.clock_error->kind, ErrorKind::kExcluded);
  EXPECT_EQ(state.clock_errors, 0u);
  EXPECT_TRUE(source_.frequency_reads.empty());
  source_.error.reset();
  sampling.renew_all();
  EXPECT_TRUE(next_sweep(sampling).clock) << "asked again at once";
  EXPECT_EQ(source_.frequency_reads, (std::vector<VcpuId>{0, 1}));
}

TEST_F(ClockSamplingTest, AVmThatEndsIsNoTrouble) {
  source_.error = Error{ErrorKind::kGone, "ended", {}};
  const auto state = next_sweep(sampling_);
  EXPECT_FALSE(state.clock_error);
  EXPECT_EQ(state.clock_errors, 0u);
  // One that is still listed at the next sweep has not ended, and its clock is not known.
  EXPECT_EQ(next_sweep(sampling_).clock_error->message, "ended");
}

TEST_F(ClockSamplingTest, WithoutAProcessTheClockCannotBeReadAndThatIsSaid) {
  const auto of_nobody = [&](std::optional<Error> why) {
    clock_.advance(seconds(10));
    sampling_.begin_sweep();
    VmState state;
    state.key = {4712, 3, 1};
    state.identity.process_unknown = std::move(why);
    state.reading.emplace();
    sampling_.observe(state);
    return state;
  };
  const auto state = of_nobody(Error{ErrorKind::kPermission, "may not", "CAP_SYS_PTRACE"});
  EXPECT_TRUE(state.clock_wanted);
  ASSERT_TRUE(state.clock_error);
  EXPECT_EQ(state.clock_error->kind, ErrorKind::kPermission);
  EXPECT_EQ(state.clock_error->text(), "the clock cannot be read: may not; CAP_SYS_PTRACE");
  EXPECT_EQ(state.clock_errors, 1u);
  EXPECT_EQ(source_.clock_reads, 0);
  EXPECT_EQ(of_nobody({}).clock_errors, 2u);
}

TEST_F(ClockSamplingTest, WhatIsCountedStaysWhileAVmCannotBeRead) {
  source_.error = Error{ErrorKind::kRefused, "a seccomp filter", "allow it"};
  next_sweep(sampling_);
  VmState unread;
  unread.key = {4711, 3, 1};
  sampling_.observe(unread);
  EXPECT_TRUE(unread.clock_wanted);
  EXPECT_EQ(unread.clock_errors, 1u);
  EXPECT_FALSE(unread.clock);
}

TEST_F(ClockSamplingTest, ASweepSpendsNoMoreThanItsBudget) {
  source_.takes = std::chrono::milliseconds(100);
  clock_.advance(seconds(5));
  sampling_.begin_sweep();
  for (pid_t pid = 1; pid <= 10; ++pid) {
    observed(sampling_, pid);
  }
  EXPECT_EQ(source_.clock_reads, 3);
  sampling_.begin_sweep();
  for (pid_t pid = 1; pid <= 10; ++pid) {
    observed(sampling_, pid);
  }
  EXPECT_EQ(source_.clock_reads, 6);  // those that had to wait come first
}

TEST_F(ClockSamplingTest, AVmWithoutAProcessIsLeftAlone) {
  sampling_.begin_sweep();
  EXPECT_FALSE(observed(sampling_, 0).clock);
  EXPECT_EQ(source_.clock_reads, 0);
}

TEST_F(ClockSamplingTest, ForgetsVmsThatAreGone) {
  next_sweep(sampling_);
  sampling_.keep_only({});
  sampling_.begin_sweep();
  observed(sampling_);
  EXPECT_EQ(source_.clock_reads, 2);
}

}  // namespace
}  // namespace kvmtsc
