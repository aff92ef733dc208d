// The evaluator of seccomp filters, compared with the kernel: random programs installed in children
// of ours, and what became of real calls.
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <iostream>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "attach/ptrace/seccomp_filter.h"

namespace kvmtsc::testing {
namespace {

using injection::SeccompCall;
using injection::SeccompFilter;
using Program = std::vector<sock_filter>;
using Random = std::mt19937_64;

// Numbers from here on are no calls of the kernel's: what is allowed answers ENOSYS.
constexpr std::uint32_t kNoCall = 1000;
constexpr std::size_t kCalls = 16;

struct Call {
  std::uint32_t number = 0;
  std::array<std::uint64_t, 6> arguments{};
};

// What the child leaves in memory that it shares with us.
struct Seen {
  int install_error = -1;  // -1 until it has tried
  std::size_t returned = 0;
  std::array<std::int64_t, kCalls> results{};
  std::uint64_t instruction_pointer = 0;
};

// Returns what the kernel did, and where it saw the call come from.
__attribute__((noinline)) std::int64_t make(const Call& call, std::uint64_t& from) {
  std::int64_t result = call.number;
  register std::uint64_t r10 asm("r10") = call.arguments[3];
  register std::uint64_t r8 asm("r8") = call.arguments[4];
  register std::uint64_t r9 asm("r9") = call.arguments[5];
  std::uint64_t here = 0;
  asm volatile(
      "syscall\n"
      "1: lea 1b(%%rip), %1"
      : "+a"(result), "=&b"(here)
      : "D"(call.arguments[0]), "S"(call.arguments[1]), "d"(call.arguments[2]), "r"(r10), "r"(r8),
        "r"(r9)
      : "rcx", "r11", "memory");
  from = here;
  return result;
}

int install(const Program& program) {
  const sock_fprog given{static_cast<unsigned short>(program.size()),
                         const_cast<sock_filter*>(program.data())};
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &given) == 0 ? 0 : errno;
}

// A child under `programs`, the oldest first, makes the calls. The signal that ended it, or 0.
int run_under(const std::vector<Program>& programs, const std::vector<Call>& calls, Seen& seen) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    seen.install_error = 0;
    for (const Program& program : programs) {
      if (const int error = install(program); error != 0) {
        seen.install_error = error;
        ::_exit(0);
      }
    }
    for (std::size_t i = 0; i < calls.size(); ++i) {
      seen.results[i] = make(calls[i], seen.instruction_pointer);
      ++seen.returned;
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

class SeccompKernelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    void* const shared =
        ::mmap(nullptr, sizeof(Seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(shared, MAP_FAILED);
    seen_ = new (shared) Seen;
  }
  void TearDown() override { ::munmap(seen_, sizeof(Seen)); }

  Seen& fresh() { return *seen_ = Seen{}; }

 private:
  Seen* seen_ = nullptr;
};

SeccompCall known(const Call& call, std::uint64_t from) {
  SeccompCall whole;
  whole.set_number(call.number);
  whole.set_instruction_pointer(from);
  for (std::size_t i = 0; i < call.arguments.size(); ++i) {
    whole.set_argument(i, call.arguments[i]);
  }
  return whole;
}

// What a call comes back with, where the filters answer so: absent when it ends the process.
std::optional<std::int64_t> outcome(std::uint32_t answer, const Call& call) {
  switch (answer & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ERRNO:
      return -static_cast<std::int64_t>(std::min(answer & SECCOMP_RET_DATA, 4095U));
    case SECCOMP_RET_USER_NOTIF:  // nobody listens
    case SECCOMP_RET_TRACE:       // nobody traces
      return -ENOSYS;
    case SECCOMP_RET_LOG:
    case SECCOMP_RET_ALLOW:
      return call.number == SYS_getppid ? std::int64_t{::getpid()} : -ENOSYS;
    default:
      return std::nullopt;
  }
}

std::uint32_t any_of(Random& random, std::initializer_list<std::uint32_t> values) {
  return *(values.begin() + random() % values.size());
}

// Small numbers, large ones, and those that calls are made with, so that comparisons are met.
std::uint32_t value(Random& random) {
  switch (random() % 5) {
    case 0:
      return static_cast<std::uint32_t>(random());
    case 1:
      return any_of(random, {0, 1, 31, 32, 0x7fffffff, 0x80000000, 0xffffffff, AUDIT_ARCH_X86_64,
                             SYS_getppid, kNoCall});
    default:
      return static_cast<std::uint32_t>(random() % 8);
  }
}

sock_filter instruction(Random& random, std::size_t left) {
  const std::uint32_t jump = left == 0 ? 0 : static_cast<std::uint32_t>(random() % left);
  const auto near = [&] {
    return static_cast<unsigned char>(left == 0 ? 0 : random() % std::min<std::size_t>(left, 6));
  };
  const auto source = static_cast<std::uint16_t>(random() % 2 == 0 ? BPF_K : BPF_X);
  switch (random() % 12) {
    case 0:
    case 1:
    case 2:
      return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(random() % 16 * 4));
    case 3:
      return BPF_STMT(static_cast<std::uint16_t>(any_of(random, {BPF_ST, BPF_STX})),
                      static_cast<std::uint32_t>(random() % 4));
    case 4:
      return BPF_STMT(static_cast<std::uint16_t>(
                          any_of(random, {BPF_LD | BPF_MEM, BPF_LDX | BPF_MEM,
                                          BPF_LD | BPF_W | BPF_LEN, BPF_LDX | BPF_W | BPF_LEN})),
                      static_cast<std::uint32_t>(random() % 4));
    case 5:
      return BPF_STMT(
          static_cast<std::uint16_t>(any_of(random, {BPF_LD | BPF_IMM, BPF_LDX | BPF_IMM})),
          value(random));
    case 6:
      return BPF_STMT(static_cast<std::uint16_t>(any_of(
                          random, {BPF_MISC | BPF_TAX, BPF_MISC | BPF_TXA, BPF_ALU | BPF_NEG})),
                      0);
    case 7:
      return random() % 8 == 0 ? sock_filter BPF_STMT(BPF_JMP | BPF_JA, jump)
                               : sock_filter BPF_STMT(BPF_RET | BPF_A, 0);
    case 8:
    case 9:
      return BPF_JUMP(static_cast<std::uint16_t>(
                          BPF_JMP | any_of(random, {BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET}) | source),
                      value(random), near(), near());
    default:
      return BPF_STMT(
          static_cast<std::uint16_t>(BPF_ALU |
                                     any_of(random, {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR,
                                                     BPF_AND, BPF_LSH, BPF_RSH, BPF_XOR,
                                                     random() % 16 == 0 ? std::uint32_t{BPF_MOD}
                                                                        : std::uint32_t{BPF_ADD}}) |
                                     source),
          value(random));
  }
}

std::uint32_t last_answer(Random& random) {
  switch (random() % 8) {
    case 0:
      return SECCOMP_RET_ALLOW;
    case 1:
      return random() % 4 == 0 ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_TRACE;
    default:
      return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(1 + random() % 2000);
  }
}

// A program that lets the child live: it speaks of getppid and of numbers that are no calls.
Program random_program(Random& random) {
  Program program{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kNoCall, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const std::size_t size = 1 + random() % (random() % 4 == 0 ? 120 : 16);
  for (std::size_t left = size; left > 0; --left) {
    program.push_back(instruction(random, left));
    if (random() % 6 == 0) {  // so that more than one end is met
      program.push_back(BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, value(random), 0, 1));
      program.push_back(BPF_STMT(BPF_RET | BPF_K, last_answer(random)));
    }
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, last_answer(random)));
  return program;
}

Call random_call(Random& random) {
  Call call{random() % 4 == 0 ? SYS_getppid : kNoCall + static_cast<std::uint32_t>(random() % 8),
            {}};
  for (std::uint64_t& argument : call.arguments) {
    argument = value(random) | (std::uint64_t{value(random)} << 32U);
  }
  return call;
}

// Forgets some words of a call.
SeccompCall partly(SeccompCall call, Random& random) {
  for (std::size_t i = 0; i < SeccompCall::kWords; ++i) {
    if (random() % 3 == 0) {
      call.word(i).reset();
    }
  }
  return call;
}

TEST_F(SeccompKernelTest, RandomProgramsAnswerAsHere) {
  constexpr int kPrograms = 4000;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(8);
  Random random(20'240'117);
  int let_in = 0;
  int ended = 0;
  int partly_allowed = 0;
  std::size_t compared = 0;
  for (int i = 0; i < kPrograms && std::chrono::steady_clock::now() < end; ++i) {
    SCOPED_TRACE("program " + std::to_string(i));
    std::vector<Program> programs(1 + random() % 3);
    std::vector<SeccompFilter> filters;
    for (Program& program : programs) {
      program = random_program(random);
      if (auto checked = SeccompFilter::check(program)) {
        filters.push_back(*std::move(checked));
      }
    }
    std::vector<Call> calls(kCalls);
    std::generate(calls.begin(), calls.end(), [&] { return random_call(random); });
    Seen& seen = fresh();
    const int signal = run_under(programs, calls, seen);
    ASSERT_EQ(seen.install_error, filters.size() == programs.size() ? 0 : EINVAL);
    if (seen.install_error != 0) {
      continue;
    }
    ++let_in;
    ended += signal != 0 ? 1 : 0;
    ASSERT_TRUE(signal == 0 || signal == SIGSYS) << signal;
    for (std::size_t c = 0; c < calls.size() && c <= seen.returned; ++c) {
      const bool returned = c < seen.returned;
      if (!returned && seen.returned == 0) {
        break;  // where it made its calls is not known
      }
      const SeccompCall whole = known(calls[c], seen.instruction_pointer);
      const auto answer = answer_of(filters, whole);
      ASSERT_TRUE(answer.certain && answer.worst);
      const auto expected = outcome(*answer.worst, calls[c]);
      ASSERT_EQ(expected.has_value(), returned) << std::hex << *answer.worst;
      if (returned) {
        ASSERT_EQ(*expected, seen.results[c]) << std::hex << *answer.worst;
      }
      ++compared;
      const SeccompCall part = partly(whole, random);
      for (const SeccompFilter& filter : filters) {
        const auto possible = filter.answers(part);
        ASSERT_TRUE(!possible || possible->contains(*filter.answers(whole)->begin()));
      }
      const auto guess = answer_of(filters, part);
      if (guess.allows()) {
        ++partly_allowed;
        ASSERT_TRUE(answer.allows()) << std::hex << *answer.worst;
      }
    }
  }
  EXPECT_GT(let_in, 200);
  EXPECT_GT(ended, 20);
  EXPECT_GT(partly_allowed, 20);
  std::cout << let_in << " programs, " << compared << " calls, " << ended << " children ended, "
            << partly_allowed << " allowed though not all was known\n";
}

TEST_F(SeccompKernelTest, TheMostRestrictiveActionWins) {
  const std::vector<std::uint32_t> actions{
      SECCOMP_RET_KILL_PROCESS,  SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP,
      SECCOMP_RET_ERRNO | 7,     SECCOMP_RET_USER_NOTIF,  SECCOMP_RET_TRACE,
      SECCOMP_RET_LOG,           SECCOMP_RET_ALLOW,       0x12340000,
      SECCOMP_RET_ERRNO | 0xffff};
  const Call call{SYS_getppid, {}};
  for (const std::uint32_t first : actions) {
    for (const std::uint32_t second : actions) {
      const auto answering = [](std::uint32_t answer) {
        return Program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                       BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
                       BPF_STMT(BPF_RET | BPF_K, answer),
                       BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
      };
      const std::vector<Program> programs{answering(first), answering(second)};
      Seen& seen = fresh();
      run_under(programs, {call}, seen);
      ASSERT_EQ(seen.install_error, 0);
      const std::vector<SeccompFilter> filters{*SeccompFilter::check(programs[0]),
                                               *SeccompFilter::check(programs[1])};
      const auto answer = answer_of(filters, known(call, 0));
      const auto expected = outcome(*answer.worst, call);
      EXPECT_EQ(expected.has_value(), seen.returned == 1) << std::hex << first << " " << second;
      if (expected) {
        EXPECT_EQ(*expected, seen.results[0]) << std::hex << first << " " << second;
      }
    }
  }
}

}  // namespace
}  // namespace kvmtsc::testing
