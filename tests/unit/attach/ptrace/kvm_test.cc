// Which descriptor and thread belong to which VM, and what KVM's answers mean.
#include <errno.h>
#include <sys/syscall.h>

#include <gtest/gtest.h>

#include "attach/ptrace/kvm_calls.h"
#include "attach/ptrace/kvm_files.h"
#include "attach/ptrace/ptrace_clock_source.h"
#include "attach/ptrace/vm_access.h"

namespace kvmtsc::injection {
namespace {

TEST(KvmFilesTest, LinksAreRecognised) {
  EXPECT_TRUE(is_vm_link("anon_inode:kvm-vm"));
  EXPECT_FALSE(is_vm_link("anon_inode:kvm-vcpu:0"));
  EXPECT_FALSE(is_vm_link("/tmp/anon_inode:kvm-vm"));
  EXPECT_EQ(vcpu_of_link("anon_inode:kvm-vcpu:12"), 12U);
  EXPECT_FALSE(vcpu_of_link("anon_inode:kvm-vcpu:"));
  EXPECT_FALSE(vcpu_of_link("anon_inode:kvm-vcpu:1x"));
  EXPECT_FALSE(vcpu_of_link("anon_inode:kvm-vcpu"));
  EXPECT_FALSE(vcpu_of_link("anon_inode:[eventfd]"));
}

constexpr pid_t kProcess = 100;

VmDirectory directory(pid_t creator, int fd, std::map<VcpuId, std::optional<Tid>> vcpus) {
  return VmDirectory{VmKey{creator, fd, 0}, std::move(vcpus), true};
}

const std::vector<Tid> kThreads{Tid{99}, Tid{kProcess}, Tid{101}, Tid{102}, Tid{201}};

Result<VmAccess> access(const VmKey& vm, const KvmFiles& files,
                        const std::vector<VmDirectory>& directories) {
  return find_access(vm, files, directories, kThreads, kProcess);
}

TEST(VmAccessTest, OneVmIsPlain) {
  const KvmFiles files{{{10}}, {{0, {{11}}}, {4, {{12}}}}};
  const auto found = access(VmKey{kProcess, 10, 0}, files,
                            {directory(kProcess, 10, {{0, Tid{101}}, {4, Tid{102}}})});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->vm_fd, 10);
  EXPECT_EQ(found->vcpus.at(4).thread, Tid{102});
  EXPECT_EQ(found->vcpus.at(4).descriptors, FileDescriptors{12});
  EXPECT_FALSE(found->vcpus.at(4).ambiguous);
  // The main thread first, and no vCPU's.
  EXPECT_EQ(found->other_threads, (std::vector<Tid>{Tid{kProcess}, Tid{99}, Tid{201}}));
}

TEST(VmAccessTest, AVmMayHaveBeenMovedWhenItIsTheOnlyOne) {
  const auto found =
      access(VmKey{kProcess, 10, 0}, {{{33, 34}}, {}}, {directory(kProcess, 10, {})});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->vm_fd, 33);
}

TEST(VmAccessTest, AVcpuThatNoThreadRunsIsParked) {
  const Tid ended{777};  // or another process's by now
  const auto found =
      access(VmKey{kProcess, 10, 0}, {{{10}}, {{0, {{11}}}, {1, {{12}}}, {2, {{13}}}}},
             {directory(kProcess, 10, {{0, std::nullopt}, {1, Tid{101}}, {2, ended}})});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->vcpus.size(), 1U);
  EXPECT_EQ(found->parked, (std::map<VcpuId, int>{{0, 11}, {2, 13}}));
}

TEST(VmAccessTest, AParkedVcpuThatCouldBeAnotherVmsIsLeftOut) {
  const KvmFiles files{{{10}, {20}}, {{0, {{11}, {21}}}}};
  const auto found =
      access(VmKey{kProcess, 10, 0}, files,
             {directory(kProcess, 10, {{0, std::nullopt}}), directory(102, 20, {{0, Tid{201}}})});
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->parked.empty());
}

TEST(VmAccessTest, AKernelThatDoesNotTellVcpuThreadsIsRefused) {
  auto silent = directory(kProcess, 10, {{0, std::nullopt}});
  silent.threads_known = false;
  const auto found = access(VmKey{kProcess, 10, 0}, {{{10}}, {{0, {{11}}}}}, {silent});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::kUnsupported);
  EXPECT_FALSE(found.error().remedy.empty());
  // One VM's vCPU threads must not be taken for another's other threads either.
  const KvmFiles files{{{10}, {20}}, {{0, {{11}, {21}}}}};
  EXPECT_FALSE(
      access(VmKey{kProcess, 20, 0}, files, {silent, directory(kProcess, 20, {{0, Tid{101}}})}));
}

TEST(VmAccessTest, VcpusThatTwoVmsHaveAreAmbiguous) {
  const KvmFiles files{{{10}, {20}}, {{0, {{11}, {21}}}, {7, {{22}}}}};
  const std::vector<VmDirectory> both{directory(kProcess, 10, {{0, Tid{101}}}),
                                      directory(102, 20, {{0, Tid{201}}, {7, Tid{102}}})};
  const auto second = access(VmKey{102, 20, 0}, files, both);
  ASSERT_TRUE(second);
  EXPECT_EQ(second->vm_fd, 20);
  EXPECT_TRUE(second->vcpus.at(0).ambiguous);
  EXPECT_FALSE(second->vcpus.at(7).ambiguous);
  // The other VM's vCPU threads are not for VM calls either.
  EXPECT_EQ(second->other_threads, (std::vector<Tid>{Tid{kProcess}, Tid{99}}));
}

TEST(VmAccessTest, WhatWouldBeAGuessIsRefused) {
  // Moved to another descriptor, with a second VM about.
  const std::vector<VmDirectory> both{directory(kProcess, 10, {}), directory(kProcess, 20, {})};
  EXPECT_EQ(access(VmKey{kProcess, 10, 0}, {{{15}, {20}}, {}}, both).error().kind,
            ErrorKind::kRefused);
  // A VM of which debugfs knows nothing.
  EXPECT_EQ(access(VmKey{kProcess, 10, 0}, {{{10}, {20}}, {}}, {directory(kProcess, 10, {})})
                .error()
                .kind,
            ErrorKind::kRefused);
  // Two VMs that got the same number at different times.
  const std::vector<VmDirectory> same{directory(kProcess, 10, {}), directory(102, 10, {})};
  EXPECT_EQ(access(VmKey{102, 10, 0}, {{{10}}, {}}, same).error().kind, ErrorKind::kRefused);
}

TEST(VmAccessTest, WhatIsNotThereIsGone) {
  EXPECT_EQ(access(VmKey{kProcess, 10, 0}, {{{10}}, {}}, {}).error().kind, ErrorKind::kGone);
  EXPECT_EQ(access(VmKey{kProcess, 10, 0}, {}, {directory(kProcess, 10, {})}).error().kind,
            ErrorKind::kGone);
  const std::vector<VmDirectory> both{directory(kProcess, 10, {}), directory(kProcess, 20, {})};
  EXPECT_EQ(access(VmKey{kProcess, 10, 0}, {{{20}}, {}}, both).error().kind, ErrorKind::kGone);
}

user_regs_struct in_ioctl(int fd, std::uint64_t request) {
  user_regs_struct regs{};
  regs.orig_rax = SYS_ioctl;
  regs.rdi = static_cast<unsigned int>(fd);
  regs.rsi = request;
  return regs;
}

TEST(DescriptorTest, KvmRunTellsWhichIsRight) {
  const VcpuAccess ambiguous{Tid{101}, {11, 21}, true};
  EXPECT_EQ(*choose_descriptor(0, ambiguous, in_ioctl(21, KVM_RUN)), 21);
  EXPECT_EQ(choose_descriptor(0, ambiguous, in_ioctl(21, KVM_GET_REGS)).error().kind,
            ErrorKind::kRefused);
  EXPECT_EQ(choose_descriptor(0, ambiguous, in_ioctl(31, KVM_RUN)).error().kind,
            ErrorKind::kRefused);
  const VcpuAccess plain{Tid{101}, {11}, false};
  EXPECT_EQ(*choose_descriptor(0, plain, in_ioctl(21, KVM_GET_REGS)), 11);
  EXPECT_EQ(choose_descriptor(0, plain, in_ioctl(21, KVM_RUN)).error().kind, ErrorKind::kRefused);
}

TEST(KvmCallsTest, ErrorsSayWhatHappened) {
  EXPECT_EQ(ioctl_error("X", -EIO).kind, ErrorKind::kGone);
  EXPECT_EQ(ioctl_error("X", -EBADF).kind, ErrorKind::kGone);
  EXPECT_EQ(ioctl_error("X", -ENOTTY).kind, ErrorKind::kGone);
  EXPECT_EQ(ioctl_error("X", -ENXIO).kind, ErrorKind::kUnsupported);
  EXPECT_EQ(ioctl_error("X", -EINVAL).kind, ErrorKind::kIo);
  EXPECT_NE(ioctl_error("KVM_GET_CLOCK", -EIO).message.find("KVM_GET_CLOCK"), std::string::npos);
}

CallBracket bracket() {
  CallBracket value;
  value.before = {1000, RealTime{Nanoseconds{50'000}}, MonotonicTime{Nanoseconds{7'000}}};
  value.after = {3000, RealTime{Nanoseconds{52'000}}, MonotonicTime{Nanoseconds{9'000}}};
  return value;
}

TEST(KvmCallsTest, ACallForOneRegisterReturnsThatItDidOne) {
  EXPECT_TRUE(one_msr_done("KVM_GET_MSRS", 1));
  EXPECT_EQ(one_msr_done("KVM_GET_MSRS", 0).error().message,
            "KVM_GET_MSRS: KVM refused the register");
  EXPECT_EQ(one_msr_done("KVM_SET_MSRS", -EPERM).error().message,
            "KVM_SET_MSRS: Operation not permitted");
  EXPECT_EQ(one_msr_done("KVM_SET_MSRS", Error{ErrorKind::kTimeout, "late", {}}).error().kind,
            ErrorKind::kTimeout);
}

TEST(TripleTest, KvmsOwnValuesAreUsedWhenItVouchesForThem) {
  const ClockTriple triple = make_triple(77, 0xe, 1500, 51'000, bracket());
  EXPECT_EQ(triple.kvmclock_ns, 77U);
  EXPECT_EQ(triple.host_tsc, 1500U);
  EXPECT_EQ(triple.realtime.since_epoch.count(), 51'000);
  EXPECT_FALSE(triple.bracketed);
  EXPECT_TRUE(triple.master_clock());
  EXPECT_EQ(triple.bound.count(), 1);
}

TEST(TripleTest, OtherwiseTheMiddleOfTheBracketIsAndTheBoundIsWider) {
  for (const std::uint32_t flags : {0U, 2U, 6U, 10U}) {  // without both REALTIME and HOST_TSC
    const ClockTriple triple = make_triple(77, flags, 0, 0, bracket());
    EXPECT_EQ(triple.host_tsc, 2000U);
    EXPECT_EQ(triple.realtime.since_epoch.count(), 51'000);
    EXPECT_TRUE(triple.bracketed);
    EXPECT_EQ(triple.master_clock(), (flags & 2) != 0);
    EXPECT_EQ(triple.bound.count(), 1001);
    EXPECT_EQ(triple.flags, flags);
  }
}

}  // namespace
}  // namespace kvmtsc::injection
