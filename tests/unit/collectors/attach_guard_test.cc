#include "collectors/attach_guard.h"

#include <vector>

#include <gtest/gtest.h>

#include "tests/fakes/proc_tree.h"

namespace kvmtsc {
namespace {

using Subject = AttachRuleText::Subject;

// Counts every call that would stop a thread.
class Attaching : public ClockSource, public OffsetWriter {
 public:
  Result<ClockReading> read_clock(const AttachTarget& /*vm*/, MonotonicTime /*end*/) override {
    ++calls;
    return ClockReading{};
  }
  Result<VcpuFrequency> read_frequency(const AttachTarget& /*vm*/, VcpuId /*vcpu*/,
                                       MonotonicTime /*end*/) override {
    ++calls;
    return VcpuFrequency{};
  }
  Result<ForeseenWrite> foresee(const AttachTarget& /*vm*/,
                                std::span<const VcpuId> /*vcpus*/) const override {
    return ForeseenWrite{};
  }
  std::string why_ignored(const AttachTarget& /*vm*/) const override { return "it ignores all"; }
  Result<WriteReport> write(const AttachTarget& /*vm*/, std::span<const WantedOffset> /*wanted*/,
                            MonotonicTime /*end*/) override {
    ++calls;
    return WriteReport{};
  }

  int calls = 0;
};

class AttachGuardTest : public testing::Test {
 protected:
  AttachGuardTest() {
    tree_.add({.tid = 7, .argv = {"kvm", "-id", "100"}, .cgroup = "0::/qemu.slice/100.scope\n"});
  }

  void exclude(const std::vector<AttachRuleText>& rules) {
    auto compiled = AttachRules::compile(rules, {});
    ASSERT_TRUE(compiled);
    guard_.set_rules(*std::move(compiled));
  }

  // Which of the four ways are open: "clock frequency foresee write".
  std::string open_ways() {
    std::string open;
    open += clocks_.read_clock(vm_, {}) ? "clock " : "";
    open += clocks_.read_frequency(vm_, 0, {}) ? "frequency " : "";
    open += writer_.foresee(vm_, {}) ? "foresee " : "";
    open += writer_.write(vm_, {}, {}) ? "write" : "";
    return open;
  }

  fakes::ProcTree tree_;
  AttachGuard guard_{tree_.root(), {}};
  Attaching attaching_;
  GuardedClockSource clocks_{guard_, attaching_};
  GuardedOffsetWriter writer_{guard_, attaching_};
  AttachTarget vm_{{7, 9, 1}, 7, 1000, "db-1", "u"};
};

TEST_F(AttachGuardTest, StandsBeforeEveryWay) {
  EXPECT_EQ(open_ways(), "clock frequency foresee write");
  EXPECT_EQ(attaching_.calls, 3);
  EXPECT_EQ(writer_.why_ignored(vm_), "it ignores all");
  exclude({{Subject::kName, "^db"}});
  EXPECT_EQ(open_ways(), "");
  EXPECT_EQ(attaching_.calls, 3) << "nothing was asked to attach";
  EXPECT_EQ(writer_.foresee(vm_, {}).error().kind, ErrorKind::kExcluded);
  EXPECT_EQ(writer_.foresee(vm_, {}).error().text(), clocks_.read_clock(vm_, {}).error().text());
  exclude({});
  EXPECT_EQ(open_ways(), "clock frequency foresee write");
}

TEST_F(AttachGuardTest, CommandLineAndCgroupAreThoseOfNow) {
  exclude({{Subject::kCgroup, "^/spared/"}});
  EXPECT_TRUE(guard_.admit(vm_));
  tree_.write(7, "cgroup", "0::/spared/100.scope\n");
  EXPECT_FALSE(guard_.admit(vm_));
  exclude({{Subject::kCommandLine, "^kvm -id 100$"}});
  EXPECT_FALSE(guard_.admit(vm_));
}

TEST_F(AttachGuardTest, AProcessThatShowsNothingIsSpared) {
  exclude({{Subject::kCommandLine, "x"}});
  EXPECT_TRUE(guard_.admit(vm_));
  tree_.write(7, "cmdline", "");
  EXPECT_FALSE(guard_.admit(vm_));
}

TEST_F(AttachGuardTest, WhereThereIsNoProcessThereIsNothingToLookAt) {
  exclude({{Subject::kCommandLine, "."}, {Subject::kCgroup, "."}});
  EXPECT_FALSE(guard_.admit(vm_));
  tree_.remove(7);
  EXPECT_TRUE(guard_.admit(vm_));
  exclude({{Subject::kName, "^db-1$"}});
  EXPECT_FALSE(guard_.admit(vm_));
}

}  // namespace
}  // namespace kvmtsc
