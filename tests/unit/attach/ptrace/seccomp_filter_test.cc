// What a seccomp filter answers to calls of which not everything is known.
#include "attach/ptrace/seccomp_filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#include <vector>

#include <gtest/gtest.h>

namespace kvmtsc::injection {
namespace {

using Program = std::vector<sock_filter>;

constexpr std::uint32_t kRequestLow = offsetof(seccomp_data, args) + 8;

sock_filter load(std::uint32_t at) {
  return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at);
}

sock_filter answer(std::uint32_t value) {
  return BPF_STMT(BPF_RET | BPF_K, value);
}

sock_filter jump_if_equal(std::uint32_t value, unsigned char yes, unsigned char no) {
  return BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no);
}

SeccompFilter filter(const Program& program) {
  auto checked = SeccompFilter::check(program);
  EXPECT_TRUE(checked) << "not a filter";
  return checked ? *std::move(checked) : *SeccompFilter::check({answer(SECCOMP_RET_KILL)});
}

SeccompAnswer ask(const std::vector<Program>& programs, const SeccompCall& call) {
  std::vector<SeccompFilter> filters;
  for (const Program& program : programs) {
    filters.push_back(filter(program));
  }
  return answer_of(filters, call);
}

SeccompCall ioctl(std::uint64_t request) {
  SeccompCall call;
  call.set_number(SYS_ioctl);
  call.set_argument(1, request);
  return call;
}

// As Firecracker does it: a list of requests that may be made.
const Program kAllowList{
    load(offsetof(seccomp_data, arch)), jump_if_equal(AUDIT_ARCH_X86_64, 1, 0),
    answer(SECCOMP_RET_KILL_PROCESS),   load(offsetof(seccomp_data, nr)),
    jump_if_equal(SYS_ioctl, 0, 3),     load(kRequestLow),
    jump_if_equal(0xaea3, 0, 1),        answer(SECCOMP_RET_ALLOW),
    answer(SECCOMP_RET_TRAP),
};

TEST(SeccompFilterTest, AnAllowListAnswersByTheRequest) {
  EXPECT_TRUE(ask({kAllowList}, ioctl(0xaea3)).allows());
  const auto refused = ask({kAllowList}, ioctl(0x4018aee1));
  EXPECT_FALSE(refused.allows());
  EXPECT_EQ(refused.worst, SECCOMP_RET_TRAP);
  EXPECT_TRUE(refused.certain);
}

TEST(SeccompFilterTest, WhatDependsOnTheUnknownIsDenied) {
  SeccompCall call;
  call.set_number(SYS_ioctl);
  const auto either = ask({kAllowList}, call);
  EXPECT_FALSE(either.allows());
  EXPECT_EQ(either.worst, SECCOMP_RET_TRAP);
  EXPECT_FALSE(either.certain);
}

TEST(SeccompFilterTest, WhereAllWaysAllowTheUnknownIsNoMatter) {
  const Program looks_at_the_pointer{
      load(offsetof(seccomp_data, args) + 16),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 4096, 0, 1),
      answer(SECCOMP_RET_ALLOW),
      answer(SECCOMP_RET_LOG),
  };
  const auto allowed = ask({looks_at_the_pointer}, ioctl(1));
  EXPECT_TRUE(allowed.allows());
  EXPECT_EQ(allowed.worst, SECCOMP_RET_LOG);
}

TEST(SeccompFilterTest, AnAnswerComputedFromTheUnknownMayBeAny) {
  const Program echo{load(offsetof(seccomp_data, args)), BPF_STMT(BPF_RET | BPF_A, 0)};
  const auto any = ask({echo}, ioctl(1));
  EXPECT_FALSE(any.allows());
  EXPECT_FALSE(any.worst);
  SeccompCall known = ioctl(1);
  known.set_argument(0, SECCOMP_RET_ALLOW);
  EXPECT_TRUE(ask({echo}, known).allows());
}

TEST(SeccompFilterTest, TheUnknownIsFollowedThroughRegistersAndMemory) {
  const auto through = [](std::uint32_t mask) {
    return Program{
        load(offsetof(seccomp_data, args)),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask),
        BPF_STMT(BPF_ST, 3),
        BPF_STMT(BPF_LD | BPF_IMM, 0),
        BPF_STMT(BPF_LDX | BPF_MEM, 3),
        BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
        jump_if_equal(0, 0, 1),
        answer(SECCOMP_RET_ALLOW),
        answer(SECCOMP_RET_ERRNO | 5),
    };
  };
  EXPECT_EQ(ask({through(~0U)}, ioctl(1)).worst, SECCOMP_RET_ERRNO | 5);
  EXPECT_TRUE(ask({through(0)}, ioctl(1)).allows()) << "0 whatever the argument is";
}

TEST(SeccompFilterTest, WhereWaysMeetWhatTheyDoNotAgreeOnIsUnknown) {
  const auto meeting = [](std::uint32_t one, std::uint32_t other) {
    return Program{
        BPF_STMT(BPF_LDX | BPF_IMM, one), load(offsetof(seccomp_data, args)),
        jump_if_equal(7, 1, 0),           BPF_STMT(BPF_LDX | BPF_IMM, other),
        BPF_STMT(BPF_MISC | BPF_TXA, 0),  jump_if_equal(2, 1, 0),
        answer(SECCOMP_RET_ALLOW),        answer(SECCOMP_RET_ERRNO | 5),
    };
  };
  for (const auto& [one, other] : {std::pair{1U, 2U}, {2U, 1U}, {2U, 2U}}) {
    EXPECT_FALSE(ask({meeting(one, other)}, ioctl(1)).allows()) << one << " " << other;
  }
  EXPECT_TRUE(ask({meeting(3, 3)}, ioctl(1)).allows());
}

TEST(SeccompFilterTest, ADivisionBy0EndsTheProgramWithAKill) {
  const Program divides{load(offsetof(seccomp_data, args)), BPF_STMT(BPF_MISC | BPF_TAX, 0),
                        BPF_STMT(BPF_LD | BPF_IMM, 9), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
                        answer(SECCOMP_RET_ALLOW)};
  SeccompCall call = ioctl(1);
  EXPECT_EQ(ask({divides}, call).worst, SECCOMP_RET_KILL_THREAD);
  EXPECT_FALSE(ask({divides}, call).certain);
  call.set_argument(0, 0);
  EXPECT_EQ(ask({divides}, call).worst, SECCOMP_RET_KILL_THREAD);
  call.set_argument(0, 3);
  EXPECT_TRUE(ask({divides}, call).allows());
}

TEST(SeccompFilterTest, ProgramsOfAnotherArchitectureDoNotSpeakOfOurs) {
  const Program of_i386{load(offsetof(seccomp_data, arch)), jump_if_equal(AUDIT_ARCH_I386, 0, 1),
                        answer(SECCOMP_RET_KILL_PROCESS), answer(SECCOMP_RET_ALLOW)};
  EXPECT_TRUE(ask({of_i386}, ioctl(1)).allows());
}

TEST(SeccompFilterTest, TheMostRestrictiveOfAllFiltersAnswers) {
  // From what restricts most, as seccomp(2) lists them.
  const std::vector<std::uint32_t> actions{
      SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD, SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO,
      SECCOMP_RET_USER_NOTIF,   SECCOMP_RET_TRACE,       SECCOMP_RET_LOG,  SECCOMP_RET_ALLOW};
  for (std::size_t i = 0; i < actions.size(); ++i) {
    for (std::size_t j = 0; j < actions.size(); ++j) {
      const auto both = ask({{answer(actions[i])}, {answer(actions[j])}}, ioctl(1));
      EXPECT_EQ(both.worst, actions[std::min(i, j)]);
      EXPECT_EQ(both.allows(), std::min(i, j) >= 6);
    }
  }
  EXPECT_TRUE(ask({}, ioctl(1)).allows());
  EXPECT_EQ(ask(std::vector<Program>(32, {answer(SECCOMP_RET_ALLOW)}), ioctl(1)).worst,
            SECCOMP_RET_ALLOW);
}

TEST(SeccompFilterTest, OfEqualActionsTheNewestFiltersDataIsTold) {
  EXPECT_EQ(ask({{answer(SECCOMP_RET_ERRNO | 1)}, {answer(SECCOMP_RET_ERRNO | 2)}}, ioctl(1)).worst,
            SECCOMP_RET_ERRNO | 2);
}

TEST(SeccompFilterTest, AnActionThatIsNotKnownDenies) {
  const auto odd = ask({{answer(0x12340000)}}, ioctl(1));
  EXPECT_FALSE(odd.allows());
  EXPECT_NE(action_name(*odd.worst).find("kills"), std::string::npos);
}

TEST(SeccompFilterTest, AManyWaysProgramIsLookedAtOnce) {
  Program program;
  for (int i = 0; i < 2000; ++i) {  // 2^2000 ways
    program.push_back(load(offsetof(seccomp_data, args)));
    program.push_back(jump_if_equal(static_cast<std::uint32_t>(i), 0, 0));
  }
  program.push_back(answer(SECCOMP_RET_ALLOW));
  EXPECT_TRUE(ask({program}, ioctl(1)).allows());
}

TEST(SeccompFilterTest, OnlyWhatTheKernelLetsInIsAFilter) {
  const sock_filter end = answer(SECCOMP_RET_ALLOW);
  const std::vector<Program> bad{
      {},
      Program(BPF_MAXINSNS + 1, end),
      {load(0)},                                              // no end
      {load(2), end},                                         // not aligned
      {load(sizeof(seccomp_data)), end},                      // outside
      {BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), end},           // half a word
      {BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), end},           // of packets
      {BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), end},          // of packets
      {BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 2), end},          // not of seccomp
      {BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), end},          // by 0
      {BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), end},         // by more than a word
      {BPF_STMT(BPF_ST, BPF_MEMWORDS), end},                  // outside
      {BPF_STMT(BPF_LD | BPF_MEM, 0), end},                   // never written
      {jump_if_equal(0, 1, 0), end},                          // over the end
      {BPF_STMT(BPF_JMP | BPF_JA, 0xffffffff), end},          // back
      {load(0), jump_if_equal(1, 0, 1), BPF_STMT(BPF_ST, 0),  // written on one way only
       BPF_STMT(BPF_LD | BPF_MEM, 0), end},
  };
  for (std::size_t i = 0; i < bad.size(); ++i) {
    EXPECT_FALSE(SeccompFilter::check(bad[i])) << i;
  }
}

}  // namespace
}  // namespace kvmtsc::injection
