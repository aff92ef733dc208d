#include "cli/timers_text.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

Json vcpu(int id, const Json& timer, const Json& reason = nullptr) {
  return {{"id", id}, {"timer", timer}, {"timer_reason", reason}};
}

TEST(TimersText, CountsWhatBecameOfThem) {
  EXPECT_EQ(timers_text({vcpu(0, "rearmed"), vcpu(1, "rearmed")}), "2 armed anew");
  EXPECT_EQ(timers_text({vcpu(0, "rearmed"), vcpu(1, "none"), vcpu(2, nullptr)}),
            "1 armed anew, 1 none armed");
}

TEST(TimersText, SaysOfEachThatWasNotArmedAnewWhy) {
  EXPECT_EQ(timers_text({vcpu(0, "none"), vcpu(7, "not_rearmed", "KVM_GET_MSRS: \x1b[2J"),
                         vcpu(9, "not_rearmed", "late")}),
            "1 none armed, 2 not armed anew (vCPU 7: KVM_GET_MSRS: ?[2J; vCPU 9: late)");
}

TEST(TimersText, IsEmptyWhereNobodyLooked) {
  EXPECT_EQ(timers_text({vcpu(0, nullptr)}), "");
  EXPECT_EQ(timers_text({{{"id", 0}}}), "");  // of a version that did not
  EXPECT_EQ(timers_text(nullptr), "");
}

}  // namespace
}  // namespace kvmtsc
