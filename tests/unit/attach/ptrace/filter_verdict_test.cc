// What filters are asked before an injection, and what is kept of them.
#include "attach/ptrace/filter_verdict.h"

#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#include <vector>

#include <gtest/gtest.h>

#include "attach/ptrace/known_filters.h"
#include "attach/ptrace/kvm_calls.h"

namespace kvmtsc::injection {
namespace {

constexpr Gadgets kGadgets{{0x7f0000001000}, {0x7f0000002000}, {0x7f0000002009}};

// `answer` where the word at `where` is `value`; all else is allowed.
SeccompFilter answering(std::uint32_t where, std::uint32_t value, std::uint32_t answer) {
  return *SeccompFilter::check({
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, where),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, answer),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  });
}

SeccompFilter killing(std::uint32_t where, std::uint32_t value) {
  return answering(where, value, SECCOMP_RET_KILL_PROCESS);
}

constexpr std::uint32_t kNumber = offsetof(seccomp_data, nr);
constexpr std::uint32_t kPointer = offsetof(seccomp_data, instruction_pointer);
constexpr std::uint32_t kDescriptor = offsetof(seccomp_data, args);
constexpr std::uint32_t kRequest = offsetof(seccomp_data, args) + 8;
constexpr std::uint32_t kArgument = offsetof(seccomp_data, args) + 16;

std::string denial_of(const SeccompFilter& filter, std::optional<int> fd = 13) {
  const std::vector<SeccompFilter> filters{filter};
  return denial(filters, intended_correction(fd), kGadgets).value_or("allowed");
}

TEST(FilterVerdictTest, NamesTheCallAndTheAnswer) {
  EXPECT_EQ(denial_of(killing(kNumber, SYS_execve)), "allowed");
  EXPECT_EQ(denial_of(killing(kRequest, KVM_SET_DEVICE_ATTR)),
            "kill_process to ioctl KVM_SET_DEVICE_ATTR");
  EXPECT_EQ(denial_of(answering(kRequest, KVM_KVMCLOCK_CTRL, SECCOMP_RET_ERRNO | 1)),
            "errno 1 to ioctl KVM_KVMCLOCK_CTRL");
}

TEST(FilterVerdictTest, ADescriptorCountsOnlyAsFarAsItIsKnown) {
  EXPECT_EQ(denial_of(killing(kDescriptor, 12)), "perhaps kill_process to rt_sigreturn");
  const SeccompFilter of_ioctls = *SeccompFilter::check({
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNumber),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 2),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kDescriptor),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 12, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
  });
  EXPECT_EQ(denial_of(of_ioctls, 13), "allowed");
  EXPECT_EQ(denial_of(of_ioctls, 12), "trap to ioctl KVM_GET_DEVICE_ATTR");
  EXPECT_EQ(denial_of(of_ioctls, std::nullopt), "perhaps trap to ioctl KVM_GET_DEVICE_ATTR");
}

TEST(FilterVerdictTest, AnAddressInTheTraceeIsNotKnown) {
  EXPECT_EQ(denial_of(killing(kArgument, 1)), "perhaps kill_process to ioctl KVM_GET_DEVICE_ATTR");
}

TEST(FilterVerdictTest, TheKernelSeesCallsComeFromBehindTheirInstruction) {
  EXPECT_EQ(denial_of(killing(kPointer, 0x1002)), "kill_process to ioctl KVM_GET_DEVICE_ATTR");
  EXPECT_EQ(denial_of(killing(kPointer, 0x2009)), "kill_process to rt_sigreturn");
  EXPECT_EQ(denial_of(killing(kPointer, 0x1000)), "perhaps kill_process to restart_syscall");
}

TEST(FilterVerdictTest, TheWayBackIsAskedForToo) {
  EXPECT_EQ(denial_of(killing(kNumber, SYS_rt_sigreturn)), "kill_process to rt_sigreturn");
  EXPECT_EQ(denial_of(killing(kNumber, SYS_restart_syscall)), "kill_process to restart_syscall");
  const std::vector<SeccompFilter> no_restart{killing(kNumber, SYS_restart_syscall)};
  EXPECT_TRUE(denial(no_restart, {}, kGadgets)) << "also where nothing is called";
  EXPECT_FALSE(allows_restart(no_restart));
  EXPECT_TRUE(allows_restart({}));
}

TEST(KnownFiltersTest, AreThoseOfOneThreadWithSoManyFilters) {
  KnownFilters known;
  const KnownFilters::Thread thread{Tid{10}, 500};
  EXPECT_EQ(known.find(thread, 0), nullptr);
  known.keep(thread, {killing(kNumber, 1)});
  ASSERT_NE(known.find(thread, 1), nullptr);
  EXPECT_EQ(known.find(thread, 2), nullptr) << "another was added";
  EXPECT_EQ(known.find({Tid{10}, 501}, 1), nullptr) << "the number was re-used";
  EXPECT_EQ(known.find({Tid{11}, 500}, 1), nullptr);
  known.keep(thread, {killing(kNumber, 1), killing(kNumber, 2)});
  EXPECT_EQ(known.find(thread, 1), nullptr);
  EXPECT_NE(known.find(thread, 2), nullptr);
}

TEST(KnownFiltersTest, EqualOnesOfNeighboursAreKeptOnce) {
  KnownFilters known;
  for (const pid_t id : {10, 12, 11}) {
    known.keep({Tid{id}, 500}, {killing(kNumber, 1)});
  }
  known.keep({Tid{13}, 500}, {killing(kNumber, 2)});
  EXPECT_EQ(known.find({Tid{10}, 500}, 1), known.find({Tid{11}, 500}, 1));
  EXPECT_EQ(known.find({Tid{10}, 500}, 1), known.find({Tid{12}, 500}, 1));
  EXPECT_NE(known.find({Tid{10}, 500}, 1), known.find({Tid{13}, 500}, 1));
}

}  // namespace
}  // namespace kvmtsc::injection
