// Threads under seccomp filters: attached to where the filters allow our very calls, and nowhere
// else; and none of them ends over it.
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iostream>
#include <string>

#include <gtest/gtest.h>

#include "attach/ptrace/thread_filters.h"
#include "base/file.h"
#include "base/parse.h"
#include "tests/integration/attach/inject.h"
#include "tests/integration/attach/tracee.h"
#include "tests/integration/requirements.h"

namespace kvmtsc::testing {
namespace {

using injection::PtraceOptions;
using injection::Tid;

class SeccompTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto may = injection::may_read_filters(HostRoot{}); !may) {
      GTEST_SKIP() << "filters cannot be read here: " << may.error().text();
    }
  }
};

PtraceOptions suspending() {
  PtraceOptions options;
  options.policy.suspend_seccomp = true;
  return options;
}

Result<Injected> inject_main(const Tracee& process, const PtraceOptions& options = {},
                             const std::function<void()>& once_reserved = {}) {
  return inject(process.pid(), Tid{process.pid()}, options, 2, std::chrono::seconds(2),
                once_reserved);
}

unsigned filters_of(const Tracee& process) {
  const auto facts = injection::read_thread_facts(HostRoot{}, process.pid(), Tid{process.pid()});
  return facts ? facts->seccomp_filters.value_or(0) : 0;
}

bool comes_to_have(const Tracee& process, unsigned filters) {
  for (int tries = 0; tries < 2000 && filters_of(process) < filters; ++tries) {
    ::usleep(1000);
  }
  return filters_of(process) >= filters;
}

void expect_refused(const Result<Injected>& injected, const std::string& part) {
  ASSERT_FALSE(injected);
  EXPECT_EQ(injected.error().kind, ErrorKind::kRefused) << injected.error().text();
  EXPECT_NE(injected.error().text().find(part), std::string::npos) << injected.error().text();
  EXPECT_FALSE(injected.error().remedy.empty());
}

TEST_F(SeccompTest, WhatAllFiltersAllowIsDone) {
  for (const auto& [mode, count] :
       {std::pair{"allow", "1"}, {"allow", "32"}, {"log", "2"}, {"i386", "3"}}) {
    SCOPED_TRACE(std::string(mode) + " " + count);
    Tracee process("seccomp", {"300", mode, count});
    ASSERT_TRUE(process.valid());
    ASSERT_EQ(std::to_string(filters_of(process)), count);
    const PtraceOptions options;
    for (int i = 0; i < 3; ++i) {
      const auto injected = inject_main(process, options);
      ASSERT_TRUE(injected) << injected.error().text();
      EXPECT_EQ(injected->process, process.pid());
    }
    EXPECT_EQ(process.wait(20), 0) << process.errors();
  }
}

TEST_F(SeccompTest, WhatOneFilterDeniesIsRefusedByName) {
  for (const auto& [mode, answer] : {std::pair{"list", "kill_process to getpid"},
                                     {"kill", "kill_process to getpid"},
                                     {"trap", "trap to getpid"},
                                     {"errno", "errno 13 to getpid"},
                                     {"notif", "user_notif to getpid"},
                                     {"trace", "trace to getpid"},
                                     {"strict", "strict mode"}}) {
    SCOPED_TRACE(mode);
    Tracee process("seccomp", {"400", mode});
    ASSERT_TRUE(process.valid());
    ::usleep(20'000);
    const PtraceOptions options;
    for (int i = 0; i < 3; ++i) {
      expect_refused(inject_main(process, options), answer);
    }
    const auto suspended = inject_main(process, suspending());
    ASSERT_TRUE(suspended) << suspended.error().text();
    EXPECT_EQ(suspended->process, process.pid());
    EXPECT_EQ(process.wait(20), 0) << process.errors();
  }
}

TEST_F(SeccompTest, AThreadIsStoppedOnceForItsFilters) {
  Tracee process("seccomp", {"400", "kill"});
  ASSERT_TRUE(process.valid());
  const PtraceOptions options;
  expect_refused(inject_main(process, options), "kill_process");
  const auto start = injection::read_thread_start(HostRoot{}, process.pid(), Tid{process.pid()});
  ASSERT_TRUE(start);
  EXPECT_NE(options.filters->find({Tid{process.pid()}, *start}, 1), nullptr);
  EXPECT_EQ(options.filters->find({Tid{process.pid()}, *start}, 2), nullptr);
  EXPECT_EQ(options.filters->find({Tid{process.pid()}, *start + 1}, 1), nullptr);
  EXPECT_EQ(process.wait(20), 0) << process.errors();
}

TEST_F(SeccompTest, AFilterThatComesBetweenLookAndStopIsNoticed) {
  for (const unsigned before : {0U, 1U, 5U}) {
    SCOPED_TRACE(before);
    Tracee process("seccomp", {"600", "sync", std::to_string(before)});
    ASSERT_TRUE(process.valid());
    ASSERT_EQ(filters_of(process), before);
    const PtraceOptions options;
    ASSERT_TRUE(inject_main(process, options));
    expect_refused(inject_main(process, options,
                               [&] {
                                 process.send(SIGUSR1);
                                 ASSERT_TRUE(comes_to_have(process, before + 1));
                               }),
                   "was given a seccomp filter since");
    expect_refused(inject_main(process, options), "kill_process to getpid");
    EXPECT_EQ(process.wait(20), 0) << process.errors();
  }
}

TEST_F(SeccompTest, FiltersThatAreAddedAllTheTimeAreNoTrouble) {
  Tracee process("seccomp", {"700", "grow"});
  ASSERT_TRUE(process.valid());
  const PtraceOptions options;
  int done = 0;
  int refused = 0;
  while (process.running()) {
    const auto injected = inject_main(process, options);
    if (injected) {
      ++done;
    } else if (injected.error().kind == ErrorKind::kRefused) {
      ++refused;
    } else if (injected.error().kind != ErrorKind::kGone &&
               injected.error().kind != ErrorKind::kNotFound) {
      ADD_FAILURE() << injected.error().text();
    }
  }
  EXPECT_EQ(process.wait(20), 0) << process.errors();
  EXPECT_GT(done, 10);
  std::cout << done << " done, " << refused << " refused\n";
}

TEST_F(SeccompTest, AWaitThatMayNotBeRestartedIsBegunAnew) {
  Tracee process("seccomp", {"600", "restart"});
  ASSERT_TRUE(process.valid());
  int looked = 0;
  for (; looked < 40 && process.running(); ++looked) {
    const auto injected = inject_main(process);  // knows nothing of its filters yet
    if (!injected && injected.error().kind != ErrorKind::kRefused && !process.running()) {
      break;  // it ended meanwhile
    }
    expect_refused(injected, "kill_process to restart_syscall");
    ::usleep(1000);
  }
  EXPECT_EQ(process.wait(20), 0) << process.errors();
  EXPECT_GT(looked, 10);
}

// Runs `check` in a child, for what it does to itself.
template <typename Check>
int in_child(const Check& check) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(check() ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status;
}

TEST_F(SeccompTest, WithoutTheRightToReadFiltersNobodyIsStopped) {
  Tracee process("seccomp", {"600", "allow"});
  ASSERT_TRUE(process.valid());
  const auto names = [&](const std::string& what) {
    const auto injected = inject_main(process);
    if (injected || injected.error().text().find(what) == std::string::npos) {
      std::cerr << (injected ? "was injected" : injected.error().text()) << "\n";
      return false;
    }
    return true;
  };
  EXPECT_EQ(in_child([&] {
              __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
              std::array<__user_cap_data_struct, 2> sets{};
              ::syscall(SYS_capget, &header, sets.data());
              sets[0].effective &= ~(1U << CAP_SYS_ADMIN);
              return ::syscall(SYS_capset, &header, sets.data()) == 0 && names("CAP_SYS_ADMIN");
            }),
            0);
  EXPECT_EQ(in_child([&] {
              sock_filter all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
              const sock_fprog program{1, &all};
              return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 &&
                     names("under seccomp itself");
            }),
            0);
  EXPECT_EQ(process.wait(20), 0) << process.errors();
}

TEST(KernelWorkerTest, ThreadsThatTheKernelMadeAreTold) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    io_uring_params params{};
    params.flags = IORING_SETUP_SQPOLL;
    if (::syscall(SYS_io_uring_setup, 1, &params) < 0) {
      ::_exit(0);
    }
    for (;;) {
      ::pause();
    }
  }
  const std::string tasks = "/proc/" + std::to_string(child) + "/task";
  std::vector<std::string> threads;
  for (int tries = 0; tries < 1000 && threads.size() < 2; ++tries) {
    ::usleep(1000);
    threads = list_directory(tasks).ok() ? *list_directory(tasks) : threads;
    if (::waitpid(child, nullptr, WNOHANG) == child) {
      GTEST_SKIP() << "this kernel makes no io_uring worker";
    }
  }
  for (const std::string& thread : threads) {
    const Tid id{static_cast<pid_t>(parse_u32(thread).value_or(0))};
    const auto worker = injection::is_kernel_worker(HostRoot{}, child, id);
    ASSERT_TRUE(worker);
    EXPECT_EQ(*worker, id.value != child) << thread;
    const auto injected = inject(child, id);
    EXPECT_EQ(injected.ok(), id.value == child);
    if (!injected) {
      EXPECT_NE(injected.error().message.find("the kernel's own"), std::string::npos);
    }
  }
  EXPECT_EQ(threads.size(), 2U);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace kvmtsc::testing
