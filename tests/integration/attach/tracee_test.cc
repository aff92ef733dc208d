// Attaching to tracees that check themselves: each must behave exactly as untouched while it is
// attached to as often as possible.
#include "tests/integration/attach/tracee.h"

#include <signal.h>

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/attach/inject.h"

namespace kvmtsc::testing {
namespace {

using injection::Tid;

struct Case {
  const char* name;
  std::vector<std::string> arguments;  // after the duration
  std::string program;
};

// For ctest's names.
void PrintTo(const Case& shown, std::ostream* out) {
  *out << shown.name;
}

class UndisturbedTest : public ::testing::TestWithParam<Case> {};

TEST_P(UndisturbedTest, BehavesAsUntouched) {
  std::vector<std::string> arguments{"1500"};
  arguments.insert(arguments.end(), GetParam().arguments.begin(), GetParam().arguments.end());
  Tracee process(GetParam().program, arguments);
  ASSERT_TRUE(process.valid()) << process.errors();
  int attached = 0;
  std::vector<std::string> failures;
  while (process.running()) {
    const std::int64_t before = system_clock().monotonic().since_boot.count();
    const auto injected = inject(process.pid(), Tid{process.pid()}, {}, 2);
    const std::int64_t after = system_clock().monotonic().since_boot.count();
    if (injected) {
      ++attached;
      EXPECT_EQ(injected->process, process.pid());
      EXPECT_LE(before, injected->monotonic_ns);
      EXPECT_GE(after, injected->monotonic_ns);
    } else if (injected.error().kind != ErrorKind::kGone &&
               injected.error().kind != ErrorKind::kNotFound) {  // it may end at any step
      failures.push_back(injected.error().text());
    }
  }
  EXPECT_EQ(process.wait(10), 0) << process.errors();
  EXPECT_GT(attached, 50);
  // A program that replaces itself may do so between a look at it and its stop, and a timed wait
  // that was interrupted before is refused where the code does not show which call it is.
  const bool may_refuse =
      GetParam().program == "exec" || std::string(GetParam().name) == "FutexNumberHidden";
  if (!may_refuse) {
    EXPECT_TRUE(failures.empty()) << failures.front();
  }
  std::cout << "attached " << attached << " times\n";
}

INSTANTIATE_TEST_SUITE_P(
    Tracees, UndisturbedTest,
    ::testing::Values(
        Case{"SpinningInUserSpace", {"user"}, "registers"},
        Case{"ShortSystemCalls", {"syscall"}, "registers"},
        Case{"StaticProgram", {"user"}, "registers_static"}, Case{"Ppoll", {"ppoll"}, "sleeper"},
        Case{"Poll", {"poll"}, "sleeper"}, Case{"Select", {"select"}, "sleeper"},
        Case{"Nanosleep", {"nanosleep"}, "sleeper"},
        Case{"NanosleepUntil", {"clock-nanosleep-absolute"}, "sleeper"},
        Case{"Futex", {"futex"}, "sleeper"},
        Case{"FutexNumberHidden", {"futex-number-hidden"}, "sleeper"},
        Case{"Condition", {"condition"}, "sleeper"}, Case{"EpollForever", {"epoll"}, "forever"},
        Case{"SigwaitForever", {"sigwait"}, "forever"}, Case{"ReadForever", {"read"}, "forever"},
        Case{"SignalStorm", {}, "signals"}, Case{"Exec", {}, "exec"}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace kvmtsc::testing
