// Our own death at any moment of an injection leaves the tracee as if it had never been touched.
#include <atomic>
#include <chrono>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/attach/inject.h"
#include "tests/integration/attach/kill_storm.h"
#include "tests/integration/attach/tracee.h"

namespace kvmtsc::testing {
namespace {

struct Case {
  const char* name;
  std::string program;
  std::vector<std::string> arguments;
};

// For ctest's names.
void PrintTo(const Case& shown, std::ostream* out) {
  *out << shown.name;
}

class KilledTest : public ::testing::TestWithParam<Case> {};

TEST_P(KilledTest, TheTraceeLivesOnUnharmed) {
  std::vector<std::string> arguments{"2500"};
  arguments.insert(arguments.end(), GetParam().arguments.begin(), GetParam().arguments.end());
  Tracee process(GetParam().program, arguments);
  ASSERT_TRUE(process.valid()) << process.errors();
  // One that replaces its program has to be looked at each time.
  const bool execs = GetParam().program == "exec";
  const unsigned seed = std::random_device{}();
  const Storm storm = execs
                          ? kill_storm(process, 1'000'000, std::chrono::milliseconds(1), seed,
                                       [&](std::atomic<int>&) {
                                         (void)inject(process.pid(), injection::Tid{process.pid()});
                                       })
                          : kill_storm(process, 1'000'000, seed);
  EXPECT_EQ(process.wait(20), 0) << process.errors();
  EXPECT_GT(storm.kills, 20);  // on a busy machine; torture makes thousands
  if (!execs) {
    EXPECT_GT(storm.while_holding, 5);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Tracees, KilledTest,
    ::testing::Values(Case{"SpinningInUserSpace", "registers", {"user"}},
                      Case{"ShortSystemCalls", "registers", {"syscall"}},
                      Case{"StaticProgram", "registers_static", {"user"}},
                      Case{"Ppoll", "sleeper", {"ppoll", "killed"}},
                      Case{"Poll", "sleeper", {"poll", "killed"}},
                      Case{"Nanosleep", "sleeper", {"nanosleep", "killed"}},
                      Case{"Futex", "sleeper", {"futex", "killed"}},
                      Case{"FutexNumberHidden", "sleeper", {"futex-number-hidden", "killed"}},
                      Case{"Condition", "sleeper", {"condition"}},
                      Case{"ReadForever", "forever", {"read"}}, Case{"SignalStorm", "signals", {}},
                      Case{"Exec", "exec", {}}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

}  // namespace
}  // namespace kvmtsc::testing
