#include "corrections/verification.h"

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace kvmtsc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class VerificationTest : public testing::Test {
 protected:
  VerificationTest() {
    correction_.state = CorrectionState::kVerifying;
    correction_.plan.vcpus = {{0, 1, 9, 8, {}}, {1, 9, 9, 0, {}}};
  }

  // A sweep that finds these offsets, `later` after the last.
  void sweep(Nanoseconds later, std::int64_t first, std::int64_t second,
             Trust trust = Trust::kTrusted) {
    clock_.advance(later);
    VmState vm;
    VmReading reading;
    reading.vcpus = {{0, first, {}, {}}, {1, second, {}, {}}};
    reading.taken = clock_.monotonic();
    reading.trust = trust;
    vm.skew = analyse_skew(reading.vcpus, 0, 0);
    vm.reading = reading;
    verification_.look(correction_, &vm, means());
  }
  Verification::Means means() { return {&clock_, nullptr, seconds(20)}; }

  FakeClock clock_;
  Correction correction_;
  Verification verification_{clock_.monotonic()};
};

TEST_F(VerificationTest, TakesTwoReadingsThatAreApart) {
  correction_.facts.master_clock = true;
  sweep(milliseconds(100), 9, 9);
  sweep(milliseconds(300), 9, 9);
  sweep(milliseconds(100), 9, 9);
  EXPECT_FALSE(correction_.verdict);
  sweep(milliseconds(400), 9, 9);
  EXPECT_EQ(correction_.verdict, Verdict::kCorrected);
  EXPECT_EQ(correction_.facts.offsets_equal, true);
}

TEST_F(VerificationTest, OneDisagreementIsNoVerdict) {
  correction_.facts.master_clock = true;
  sweep(seconds(1), 1, 9);
  sweep(seconds(1), 9, 9);
  sweep(seconds(1), 1, 9);
  EXPECT_FALSE(correction_.verdict);
  sweep(seconds(1), 1, 9);
  EXPECT_EQ(correction_.verdict, Verdict::kUncertain);
  EXPECT_EQ(correction_.facts.offsets_equal, false);
}

TEST_F(VerificationTest, UntrustedReadingsNeitherAgreeNorDisagree) {
  for (int i = 0; i < 19; ++i) {
    sweep(seconds(1), 1, 9, Trust::kNested);
  }
  EXPECT_FALSE(correction_.verdict);
  sweep(seconds(1), 1, 9, Trust::kNested);
  EXPECT_EQ(correction_.verdict, Verdict::kUncertain);
  EXPECT_EQ(correction_.error->kind, ErrorKind::kTimeout);
  EXPECT_FALSE(correction_.facts.offsets_equal);
}

TEST_F(VerificationTest, DifferentOffsetsHaveNoMasterClockToWaitFor) {
  correction_.plan.vcpus[1].then = 10;
  sweep(seconds(1), 9, 10);
  sweep(seconds(1), 9, 10);
  EXPECT_EQ(correction_.verdict, Verdict::kCorrected);
}

TEST_F(VerificationTest, AVmThatEndedStaysUncertain) {
  verification_.look(correction_, nullptr, means());
  EXPECT_EQ(correction_.verdict, Verdict::kUncertain);
  EXPECT_EQ(correction_.error->kind, ErrorKind::kGone);
}

}  // namespace
}  // namespace kvmtsc
