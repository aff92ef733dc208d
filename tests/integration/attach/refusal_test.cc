// What is refused, and that a refusal or a missed deadline leaves no trace in the process.
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/parse.h"
#include "tests/integration/attach/inject.h"
#include "tests/integration/attach/tracee.h"

namespace kvmtsc::testing {
namespace {

using injection::AttachPolicy;
using injection::Tid;

Error refusal_of(const Tracee& process) {
  const auto injected = inject(process.pid(), Tid{process.pid()});
  return injected ? Error{} : injected.error();
}

void expect_refused(const Error& error, const std::string& part) {
  EXPECT_EQ(error.kind, ErrorKind::kRefused) << error.text();
  EXPECT_NE(error.text().find(part), std::string::npos) << error.text();
  EXPECT_FALSE(error.remedy.empty());
}

bool becomes(const Tracee& process, char state) {
  for (int tries = 0; tries < 2000 && process.state() != state; ++tries) {
    ::usleep(1000);
  }
  return process.state() == state;
}

bool is_traced(const Tracee& process) {
  const auto facts = injection::read_thread_facts(HostRoot{}, process.pid(), Tid{process.pid()});
  return facts && facts->tracer != 0;
}

TEST(RefusalTest, AStoppedProcessStaysStopped) {
  Tracee process("registers", {"400", "user"});
  ASSERT_TRUE(process.valid());
  process.send(SIGSTOP);
  ASSERT_TRUE(becomes(process, 'T'));
  expect_refused(refusal_of(process), "stopped");
  EXPECT_EQ(process.state(), 'T');
  process.send(SIGCONT);
  EXPECT_EQ(process.wait(20), 0) << process.errors();
}

TEST(RefusalTest, AStopThatComesInBetweenIsKept) {
  Tracee process("registers", {"1500", "syscall"});
  ASSERT_TRUE(process.valid());
  int stops = 0;
  const auto layout = injection::ProcessLayout::read(HostRoot{}, process.pid());
  ASSERT_TRUE(layout);
  while (process.running()) {
    // The stop races with the injection, at all its steps.
    const pid_t stopper = ::fork();
    if (stopper == 0) {
      ::usleep(static_cast<useconds_t>(stops * 7 % 400));
      ::kill(process.pid(), SIGSTOP);
      ::_exit(0);
    }
    for (int i = 0; i < 4; ++i) {
      (void)inject_unseen(*layout, Tid{process.pid()}, {}, 2, std::chrono::seconds(2));
    }
    ::waitpid(stopper, nullptr, 0);
    if (process.running()) {
      EXPECT_TRUE(becomes(process, 'T')) << "after " << stops << " stops";
      ::usleep(200);
      EXPECT_EQ(process.state(), 'T');
      process.send(SIGCONT);
      ++stops;
    }
  }
  EXPECT_EQ(process.wait(20), 0) << process.errors();
  EXPECT_GT(stops, 20);
  std::cout << stops << " stops\n";
}

TEST(RefusalTest, ATracedProcessIsLeftToItsTracer) {
  Tracee process("registers", {"400", "user"});
  ASSERT_TRUE(process.valid());
  const pid_t tracer = ::fork();
  if (tracer == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::ptrace(PTRACE_SEIZE, process.pid(), nullptr, nullptr);
    for (;;) {
      ::pause();
    }
  }
  for (int tries = 0; tries < 2000 && !is_traced(process); ++tries) {
    ::usleep(1000);
  }
  expect_refused(refusal_of(process), "traced by process " + std::to_string(tracer));
  ::kill(tracer, SIGKILL);
  ::waitpid(tracer, nullptr, 0);
  EXPECT_EQ(process.wait(20), 0) << process.errors();
}

// A kernel built without IA-32 emulation says so at execve().
bool kernel_runs_32_bit_programs() {
  std::string program = std::string(KVM_TSC_TRACEES) + "/compat";
  std::array<char*, 2> arguments{program.data(), nullptr};
  pid_t child = 0;
  if (::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments.data(), environ) != 0) {
    return false;
  }
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return true;
}

TEST(RefusalTest, A32BitProgramIsRefused) {
  if (!kernel_runs_32_bit_programs()) {
    GTEST_SKIP() << "needs a kernel that runs 32-bit programs (CONFIG_IA32_EMULATION)";
  }
  Tracee process("compat");
  ASSERT_TRUE(process.valid()) << process.errors();
  expect_refused(refusal_of(process), "64-bit");
  EXPECT_EQ(process.wait(20), 0);
}

TEST(RefusalTest, AZombieIsGone) {
  Tracee process("registers", {"0", "user"});
  ASSERT_TRUE(becomes(process, 'Z'));
  EXPECT_EQ(refusal_of(process).kind, ErrorKind::kGone);
}

TEST(RefusalTest, AnotherProcessesThreadIsRefused) {
  Tracee process("registers", {"400", "user"});
  ASSERT_TRUE(process.valid());
  const auto injected = inject(::getpid(), Tid{process.pid()}, {});
  ASSERT_FALSE(injected);
  EXPECT_EQ(process.wait(20), 0) << process.errors();
}

TEST(RefusalTest, WithoutPermissionTheRemedyIsNamed) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "needs root, to become someone else";
  }
  Tracee process("registers", {"600", "user"});
  ASSERT_TRUE(process.valid());
  const pid_t someone = ::fork();
  if (someone == 0) {
    const bool became = ::setgid(65534) == 0 && ::setuid(65534) == 0;
    const auto refused =
        injection::TracerThread::run([&](const injection::TracerThread& self) -> Result<Unit> {
          auto attachment = injection::Attachment::seize(self, HostRoot{}, Tid{process.pid()},
                                                         AttachPolicy{}, injection::Gadgets{});
          if (!attachment) {
            return attachment.error();
          }
          return ok_status();
        });
    const bool as_expected = became && !refused && refused.error().kind == ErrorKind::kPermission &&
                             refused.error().remedy.find("CAP_SYS_PTRACE") != std::string::npos;
    ::_exit(as_expected ? 0 : 1);
  }
  int status = 0;
  ::waitpid(someone, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(process.wait(20), 0) << process.errors();
}

TEST(RefusalTest, AThreadThatDoesNotStopInTimeIsLetGo) {
  // A process in vfork() waits uninterruptibly until its child has ended.
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const pid_t waiting = ::fork();
  if (waiting == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(pipe[1]);
    if (::vfork() == 0) {  // NOLINT(clang-analyzer-security.insecureAPI.vfork)
      char byte = 0;
      (void)!::read(pipe[0], &byte, 1);
      ::_exit(0);
    }
    ::_exit(0);
  }
  ::close(pipe[0]);
  const auto state = [&] {
    const auto facts = injection::read_thread_facts(HostRoot{}, waiting, Tid{waiting});
    return facts ? *facts : injection::ThreadFacts{};
  };
  for (int tries = 0; tries < 2000 && state().state != 'D'; ++tries) {
    ::usleep(1000);
  }
  ASSERT_EQ(state().state, 'D');
  const auto injected = inject(waiting, Tid{waiting}, {}, 1, std::chrono::milliseconds(20));
  ASSERT_FALSE(injected);
  EXPECT_EQ(injected.error().kind, ErrorKind::kTimeout) << injected.error().text();
  for (int tries = 0; tries < 2000 && state().tracer != 0; ++tries) {
    ::usleep(1000);
  }
  EXPECT_EQ(state().tracer, 0);
  ::close(pipe[1]);  // ends the child, and then the parent, which must not stop for us any more
  int status = -1;
  for (int tries = 0; tries < 5000 && ::waitpid(waiting, &status, WNOHANG) == 0; ++tries) {
    ::usleep(1000);
  }
  EXPECT_EQ(status, 0);
}

TEST(RefusalTest, ACallThatDoesNotReturnInTimeEndsByItself) {
  Tracee process("registers", {"1200", "user"});
  ASSERT_TRUE(process.valid());
  // poll(nothing, 0, 300 ms), with 10 ms of patience: it goes on without us.
  const auto result =
      call_in(process.pid(), Tid{process.pid()}, injection::SystemCall{SYS_poll, {0, 0, 300}},
              std::chrono::milliseconds(10));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::kTimeout) << result.error().text();
  EXPECT_EQ(process.wait(20), 0) << process.errors();
}

TEST(RefusalTest, ThreadsThatComeAndGoAreNoTrouble) {
  Tracee process("threads", {"1200"});
  ASSERT_TRUE(process.valid());
  int attached = 0;
  int gone = 0;
  while (process.running()) {
    const auto names = list_directory("/proc/" + std::to_string(process.pid()) + "/task");
    if (!names) {
      continue;
    }
    for (const auto& name : *names) {
      const auto number = parse_u32(name);
      const auto injected = inject(process.pid(), Tid{static_cast<pid_t>(number.value_or(0))}, {});
      if (injected) {
        ++attached;
        EXPECT_EQ(injected->process, process.pid());
      } else if (injected.error().kind == ErrorKind::kGone ||
                 injected.error().kind == ErrorKind::kNotFound) {
        ++gone;
      } else {
        ADD_FAILURE() << injected.error().text();
      }
    }
  }
  EXPECT_EQ(process.wait(20), 0) << process.errors();
  EXPECT_GT(attached, 20);
  std::cout << attached << " attached, " << gone << " gone\n";
}

TEST(RefusalTest, AProcessInAnotherPidNamespaceIsReached) {
  Tracee process("/usr/bin/unshare",
                 {"--pid", "--fork", "--kill-child", KVM_TSC_TRACEES "/registers", "600", "user"});
  if (!process.valid()) {
    GTEST_SKIP() << "needs unshare and the right to make PID namespaces: " << process.errors();
  }
  const auto children = read_file("/proc/" + std::to_string(process.pid()) + "/task/" +
                                      std::to_string(process.pid()) + "/children",
                                  64);
  ASSERT_TRUE(children);
  const auto inner = parse_u32(*children);
  ASSERT_TRUE(inner);
  const auto injected = inject(static_cast<pid_t>(*inner), Tid{static_cast<pid_t>(*inner)});
  ASSERT_TRUE(injected) << injected.error().text();
  EXPECT_EQ(injected->process, 1);  // what it takes itself for
  EXPECT_EQ(process.wait(20), 0) << process.errors();
}

}  // namespace
}  // namespace kvmtsc::testing
