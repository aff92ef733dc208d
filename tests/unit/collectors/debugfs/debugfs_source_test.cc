#include "collectors/debugfs/debugfs_source.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"
#include "tests/fakes/temporary_directory.h"

namespace kvmtsc {
namespace {

class RecordingIdentifier final : public Identifier {
 public:
  VmIdentity identify(const VmKey& key, std::span<const pid_t> vcpu_threads) override {
    ++calls;
    threads.assign(vcpu_threads.begin(), vcpu_threads.end());
    VmIdentity identity;
    identity.name = "vm-" + directory_name(key);
    identity.pid = pid;
    return identity;
  }
  bool owner_has_ended(const VmKey& /*key*/, std::span<const pid_t> /*threads*/) override {
    return ended;
  }
  pid_t find_holder(const VmKey& /*key*/, const std::set<pid_t>& /*owners*/) override {
    ++searches;
    return holder;
  }
  bool ended = false;
  pid_t holder = 0;
  int searches = 0;
  int calls = 0;
  pid_t pid = 4711;
  std::vector<pid_t> threads;
};

class DebugfsSourceTest : public testing::Test {
 protected:
  void SetUp() override { make_kvm(); }
  void make_kvm() {
    std::filesystem::create_directories(host_.path() + "/kvm");
    host_.write("kvm/exits", "0\n");  // KVM's counters stand beside the VMs
  }
  void vcpu(const std::string& vm, const std::string& id, const std::string& offset) {
    const std::string base = "kvm/" + vm + "/vcpu" + id + "/";
    host_.write(base + "tsc-offset", offset);
    host_.write(base + "guest_mode", "0\n");
    host_.write(base + "pid", "100" + id + "\n");
  }
  VmKey only_vm() {
    const auto vms = source_.list();
    EXPECT_TRUE(vms && vms->size() == 1);
    return vms && !vms->empty() ? vms->front().key : VmKey{};
  }
  Result<VmReading> read(const VmKey& key) {
    return source_.read(key, {clock_.thread_cpu() + std::chrono::seconds(1),
                              clock_.monotonic() + std::chrono::seconds(10)});
  }
  Result<VmReading> read_only_vm() { return read(only_vm()); }

  TemporaryDirectory host_;
  TemporaryDirectory sys_;
  FakeClock clock_;
  RecordingIdentifier identifier_;
  DebugfsSource source_{HostRoot{"/proc", sys_.path(), host_.path()}, identifier_, clock_};
};

TEST_F(DebugfsSourceTest, ReadsEveryVcpuOfAVm) {
  vcpu("4711-12", "0", "-9223372036854775808\n");
  vcpu("4711-12", "10", "9223372036854775807\n");
  vcpu("4711-12", "2", "-5\n");
  const auto reading = read_only_vm();
  ASSERT_TRUE(reading);
  ASSERT_EQ(reading->vcpus.size(), 3u);
  EXPECT_EQ(reading->vcpus[0].offset, INT64_MIN);
  EXPECT_EQ(reading->vcpus[1].id, 2u);
  EXPECT_EQ(reading->vcpus[1].offset, -5);
  EXPECT_EQ(reading->vcpus[2].id, 10u);
  EXPECT_EQ(reading->vcpus[2].offset, INT64_MAX);
  EXPECT_EQ(reading->trust, Trust::kTrusted);
  EXPECT_EQ(reading->vcpus[0].ratio, ScalingRatio{});
}

TEST_F(DebugfsSourceTest, ReadsTheScalingRatioWhereThereIsOne) {
  vcpu("1-2", "0", "7\n");
  host_.write("kvm/1-2/vcpu0/tsc-scaling-ratio", "3221225472\n");
  host_.write("kvm/1-2/vcpu0/tsc-scaling-ratio-frac-bits", "32\n");
  const auto reading = read_only_vm();
  ASSERT_TRUE(reading);
  EXPECT_EQ(to_double(reading->vcpus[0].ratio), 0.75);
}

TEST_F(DebugfsSourceTest, ListsNothingButVms) {
  for (const char* name : {"kvm/12", "kvm/-3", "kvm/3-", "kvm/a-b", "kvm/1-2-3", "kvm/01-2",
                           "kvm/99999999999-1", "kvm/+1-2"}) {
    std::filesystem::create_directories(host_.path() + "/" + name);
  }
  host_.write("kvm/5-6", "a file, not a directory");
  vcpu("7-8", "0", "0\n");
  EXPECT_EQ(only_vm().creator, 7);
}

TEST_F(DebugfsSourceTest, NoVmsIsNoError) {
  const auto vms = source_.list();
  ASSERT_TRUE(vms);
  EXPECT_TRUE(vms->empty());
}

TEST_F(DebugfsSourceTest, SaysThatDebugfsIsNotMounted) {
  std::filesystem::remove_all(host_.path() + "/kvm");
  const auto vms = source_.list();
  ASSERT_FALSE(vms);
  EXPECT_NE(vms.error().message.find("debugfs is not mounted"), std::string::npos);
  EXPECT_NE(vms.error().remedy.find("mount -t debugfs"), std::string::npos);
}

TEST_F(DebugfsSourceTest, WithoutKvmThereAreNoVms) {
  std::filesystem::remove_all(host_.path() + "/kvm");
  std::filesystem::create_directories(host_.path() + "/tracing");
  std::filesystem::create_directories(sys_.path() + "/devices/virtual/misc/hpet");
  const auto vms = source_.list();
  ASSERT_TRUE(vms) << vms.error().text();
  EXPECT_TRUE(vms->empty());
}

TEST_F(DebugfsSourceTest, WithoutSysfsNobodyKnowsWhetherThereIsKvm) {
  std::filesystem::remove_all(host_.path() + "/kvm");
  std::filesystem::create_directories(host_.path() + "/tracing");
  EXPECT_FALSE(source_.list());
}

TEST_F(DebugfsSourceTest, SaysThatItIsNotThisKernelsDebugfs) {
  std::filesystem::remove_all(host_.path() + "/kvm");
  std::filesystem::create_directories(host_.path() + "/tracing");
  std::filesystem::create_directories(sys_.path() + "/devices/virtual/misc/kvm");
  const auto vms = source_.list();
  ASSERT_FALSE(vms);
  EXPECT_NE(vms.error().message.find("KVM is loaded"), std::string::npos);
  EXPECT_NE(vms.error().remedy.find("--path.debugfs"), std::string::npos);
}

TEST_F(DebugfsSourceTest, SaysThatDebugfsIsNotReadable) {
  constexpr uid_t kNobody = 65534;
  const bool root = ::geteuid() == 0;
  ASSERT_EQ(::chmod((host_.path() + "/kvm").c_str(), 0), 0);
  if (root) {
    ASSERT_EQ(::seteuid(kNobody), 0);
  }
  const auto vms = source_.list();
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  ::chmod((host_.path() + "/kvm").c_str(), 0755);
  ASSERT_FALSE(vms);
  EXPECT_EQ(vms.error().kind, ErrorKind::kPermission);
  EXPECT_NE(vms.error().remedy.find("root"), std::string::npos);
}

TEST_F(DebugfsSourceTest, AnUnreadableVcpuDoesNotHideTheOthers) {
  vcpu("1-2", "0", "5\n");
  const std::vector<std::string> bad{"",
                                     "\n",
                                     "five\n",
                                     "5 5\n",
                                     "0x5\n",
                                     "9223372036854775808\n",
                                     std::string(4096, '1'),
                                     std::string("5\0\n", 3)};
  for (std::size_t i = 0; i < bad.size(); ++i) {
    vcpu("1-2", std::to_string(i + 1), bad[i]);
  }
  const auto reading = read_only_vm();
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->vcpus.size(), 1u);
  ASSERT_EQ(reading->unreadable.size(), bad.size());
  EXPECT_EQ(reading->trust, Trust::kTorn);
  for (const VcpuProblem& problem : reading->unreadable) {
    EXPECT_EQ(problem.error.kind, ErrorKind::kInvalid) << problem.error.message;
    EXPECT_NE(problem.error.message.find("tsc-offset"), std::string::npos);
  }
}

TEST_F(DebugfsSourceTest, AVmOfWhichNothingCanBeReadIsAnError) {
  vcpu("1-2", "0", "garbage\n");
  const auto reading = read_only_vm();
  ASSERT_FALSE(reading);
  EXPECT_EQ(reading.error().kind, ErrorKind::kInvalid);
}

TEST_F(DebugfsSourceTest, ABadRatioMakesTheVcpuUnreadable) {
  vcpu("1-2", "0", "5\n");
  vcpu("1-2", "1", "5\n");
  vcpu("1-2", "2", "5\n");
  for (const auto& [id, ratio, bits] : {std::tuple{"0", "0\n", "48\n"},
                                        {"1", "281474976710656\n", "64\n"},
                                        {"2", "281474976710656\n", "48\n"}}) {
    host_.write(std::string("kvm/1-2/vcpu") + id + "/tsc-scaling-ratio", ratio);
    host_.write(std::string("kvm/1-2/vcpu") + id + "/tsc-scaling-ratio-frac-bits", bits);
  }
  const auto reading = read_only_vm();
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->vcpus.size(), 1u);
  EXPECT_EQ(reading->unreadable.size(), 2u);
}

TEST_F(DebugfsSourceTest, OddVcpuDirectoriesAreIgnored) {
  vcpu("1-2", "3", "5\n");
  for (const char* id : {"003", "x", "-1", "", "4294967296"}) {
    vcpu("1-2", id, "9\n");
  }
  const auto reading = read_only_vm();
  ASSERT_TRUE(reading);
  ASSERT_EQ(reading->vcpus.size(), 1u);
  EXPECT_EQ(reading->vcpus[0].offset, 5);
}

TEST_F(DebugfsSourceTest, ANestedGuestMakesTheVcpuUntrusted) {
  vcpu("1-2", "0", "5\n");
  vcpu("1-2", "1", "99\n");
  host_.write("kvm/1-2/vcpu1/guest_mode", "1\n");
  const auto reading = read_only_vm();
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->vcpus[0].trust, Trust::kTrusted);
  EXPECT_EQ(reading->vcpus[1].trust, Trust::kNested);
  EXPECT_EQ(reading->trust, Trust::kNested);
}

TEST_F(DebugfsSourceTest, AnOlderKernelWithoutGuestModeIsRead) {
  host_.write("kvm/1-2/vcpu0/tsc-offset", "5\n");
  const auto reading = read_only_vm();
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->vcpus.at(0).offset, 5);
}

TEST_F(DebugfsSourceTest, AVcpuCreatedLateIsNoticed) {
  vcpu("1-2", "0", "5\n");
  const VmKey key = only_vm();
  ASSERT_EQ(read(key)->vcpus.size(), 1u);
  vcpu("1-2", "7", "5\n");
  EXPECT_EQ(read(key)->vcpus.size(), 2u);
}

TEST_F(DebugfsSourceTest, AVmThatVanishesBetweenListingAndReadingIsGone) {
  vcpu("1-2", "0", "5\n");
  const VmKey key = only_vm();
  std::filesystem::remove_all(host_.path() + "/kvm/1-2");
  const auto reading = read(key);
  ASSERT_FALSE(reading);
  EXPECT_TRUE(reading.error().kind == ErrorKind::kGone ||
              reading.error().kind == ErrorKind::kNotFound)
      << reading.error().message;
  EXPECT_TRUE(source_.list()->empty());
}

TEST_F(DebugfsSourceTest, AReusedNameIsAnotherVm) {
  vcpu("1-2", "0", "5\n");
  const VmKey before = only_vm();
  // Renamed away, not removed: file systems may give a new directory a removed one's inode at once.
  std::filesystem::rename(host_.path() + "/kvm/1-2", host_.path() + "/kvm/old");
  vcpu("1-2", "0", "6\n");
  const VmKey after = only_vm();
  EXPECT_NE(before, after);
  EXPECT_EQ(read(after)->vcpus[0].offset, 6);
  EXPECT_EQ(read(before).error().kind, ErrorKind::kGone);
}

TEST_F(DebugfsSourceTest, IdentifiesOnceAndAgainWhileTheProcessIsUnknown) {
  vcpu("1-2", "0", "5\n");
  identifier_.pid = 0;
  only_vm();
  only_vm();
  EXPECT_EQ(identifier_.calls, 2);
  EXPECT_EQ(identifier_.threads, std::vector<pid_t>{1000});
  identifier_.pid = 99;
  only_vm();
  only_vm();
  EXPECT_EQ(identifier_.calls, 3);
  source_.forget_identities();
  only_vm();
  EXPECT_EQ(identifier_.calls, 4);
}

TEST_F(DebugfsSourceTest, ALimitEndsALongReading) {
  for (int i = 0; i < 40; ++i) {
    vcpu("1-2", std::to_string(i), "5\n");
  }
  const VmKey key = only_vm();
  const MonotonicTime later = clock_.monotonic() + std::chrono::seconds(1);
  const Nanoseconds cpu = clock_.thread_cpu();
  const auto slow_kernel = source_.read(key, {cpu - Nanoseconds(1), later});
  ASSERT_FALSE(slow_kernel);
  EXPECT_EQ(slow_kernel.error().kind, ErrorKind::kTimeout);
  clock_.starve(std::chrono::milliseconds(900));  // no CPU for us is no fault of the VM
  EXPECT_TRUE(source_.read(key, {cpu, later}));
  clock_.starve(std::chrono::milliseconds(200));
  EXPECT_FALSE(source_.read(key, {cpu, later}));
}

// The files of a vCPU, in the order in which KVM makes them; whenever a reading falls between, none
// of them is taken for what it is not.
TEST_F(DebugfsSourceTest, AVcpuThatIsBeingMadeIsNeverReadByWhatItHas) {
  const std::vector<std::pair<std::string, std::string>> files{
      {"pid", "0\n"},
      {"guest_mode", "0\n"},
      {"tsc-offset", "-5\n"},
      {"tsc-scaling-ratio", "1610612736\n"},
      {"tsc-scaling-ratio-frac-bits", "32\n"}};
  for (const auto& [file, content] : files) {
    host_.write("kvm/1-2/vcpu0/" + file, content);
  }
  std::filesystem::create_directories(host_.path() + "/kvm/1-2/vcpu1");
  const VmKey key = only_vm();
  for (const auto& [file, content] : files) {
    const auto reading = read(key);
    ASSERT_TRUE(reading) << file;
    EXPECT_EQ(reading->trust, Trust::kTorn) << "without " << file;
    ASSERT_EQ(reading->unreadable.size(), 1u) << "without " << file;
    EXPECT_EQ(reading->unreadable[0].id, 1u);
    EXPECT_EQ(reading->vcpus.size(), 1u) << "without " << file;
    host_.write("kvm/1-2/vcpu1/" + file, content);
  }
  const auto whole = read(key);
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->trust, Trust::kTrusted);
  ASSERT_EQ(whole->vcpus.size(), 2u);
  EXPECT_EQ(whole->vcpus[1].ratio, whole->vcpus[0].ratio);
  EXPECT_EQ(to_double(whole->vcpus[1].ratio), 0.375);
}

TEST_F(DebugfsSourceTest, ARatioThatComesLateIsReadAllTheSame) {
  vcpu("1-2", "0", "7\n");  // the VM's only vCPU, so none tells that it is not whole
  const VmKey key = only_vm();
  EXPECT_EQ(read(key)->vcpus[0].ratio, ScalingRatio{});
  host_.write("kvm/1-2/vcpu0/tsc-scaling-ratio", "3221225472\n");
  host_.write("kvm/1-2/vcpu0/tsc-scaling-ratio-frac-bits", "32\n");
  EXPECT_EQ(to_double(read(key)->vcpus[0].ratio), 0.75);
}

TEST_F(DebugfsSourceTest, WhatWasAbsentForLongIsNotTakenAsAbsentForEver) {
  constexpr int kVcpus = 3;
  for (int i = 0; i < kVcpus; ++i) {
    vcpu("1-2", std::to_string(i), "7\n");
  }
  const VmKey key = only_vm();
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(read(key)->trust, Trust::kTrusted);
  }
  for (int i = 0; i < kVcpus; ++i) {
    const std::string base = "kvm/1-2/vcpu" + std::to_string(i);
    host_.write(base + "/tsc-scaling-ratio", "3221225472\n");
    host_.write(base + "/tsc-scaling-ratio-frac-bits", "32\n");
  }
  const auto first = read(key);  // one in turn is found to have it, and the others are not believed
  ASSERT_TRUE(first);
  EXPECT_EQ(first->unreadable.size(), 2u);
  const auto second = read(key);
  ASSERT_EQ(second->vcpus.size(), 3u);
  for (const VcpuReading& vcpu : second->vcpus) {
    EXPECT_EQ(to_double(vcpu.ratio), 0.75);
  }
}

TEST_F(DebugfsSourceTest, KnowsWhetherAVcpuHasEverRun) {
  vcpu("1-2", "0", "7\n");
  vcpu("1-2", "1", "7\n");
  host_.write("kvm/1-2/vcpu0/pid", "0\n");
  host_.write("kvm/1-2/vcpu1/pid", "0\n");
  const VmKey key = only_vm();
  ASSERT_TRUE(read(key));
  EXPECT_EQ(source_.has_run(key), false);
  host_.write("kvm/1-2/vcpu1/pid", "77\n");
  EXPECT_EQ(source_.has_run(key), true);
  std::filesystem::remove(host_.path() + "/kvm/1-2/vcpu1/pid");
  EXPECT_EQ(source_.has_run(key), std::nullopt);  // a kernel without the file
}

// A process that ends when told to.
class Sleeper {
 public:
  Sleeper() : pid_(::fork()) {
    if (pid_ == 0) {
      ::pause();
      ::_exit(0);
    }
  }
  ~Sleeper() { end(); }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  pid_t pid() const { return pid_; }
  void end() {
    if (!ended_) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      ended_ = true;
    }
  }

 private:
  pid_t pid_;
  bool ended_ = false;
};

TEST_F(DebugfsSourceTest, AVmThatOutlivesItsProcessIsOrphaned) {
  vcpu("1-2", "0", "5\n");
  Sleeper owner;
  Sleeper heir;
  identifier_.pid = owner.pid();
  EXPECT_FALSE(source_.list()->at(0).identity.orphaned);
  owner.end();
  const auto found = source_.list()->at(0).identity;
  EXPECT_TRUE(found.orphaned);
  EXPECT_EQ(found.pid, 0);
  EXPECT_EQ(found.holder, 0);
  EXPECT_EQ(found.name, "vm-1-2");  // as it was called while it ran
  only_vm();
  EXPECT_EQ(identifier_.searches, 1);  // all processes are not looked at in each sweep
  clock_.advance(DebugfsSource::kHolderPatience);
  identifier_.holder = heir.pid();
  EXPECT_EQ(source_.list()->at(0).identity.holder, heir.pid());
  source_.forget_identities();
  identifier_.pid = 0;
  EXPECT_EQ(source_.list()->at(0).identity.holder, heir.pid());
  EXPECT_EQ(identifier_.searches, 2);
  identifier_.holder = 0;
  heir.end();
  EXPECT_EQ(source_.list()->at(0).identity.holder, 0);
  EXPECT_EQ(identifier_.searches, 3);  // the one it had has ended, so at once
}

TEST_F(DebugfsSourceTest, AnOrphanIsKnownThoughItsProcessWasNeverSeen) {
  vcpu("1-2", "0", "5\n");
  identifier_.pid = 0;
  EXPECT_FALSE(source_.list()->at(0).identity.orphaned);  // it may be found in the next sweep
  identifier_.ended = true;
  EXPECT_TRUE(source_.list()->at(0).identity.orphaned);
}

TEST_F(DebugfsSourceTest, AFileThatIsMissingIsNotTheEndOfTheVm) {
  std::filesystem::create_directories(host_.path() + "/kvm/1-2/vcpu0");
  const auto reading = read_only_vm();
  ASSERT_FALSE(reading);
  EXPECT_EQ(reading.error().kind, ErrorKind::kNotFound);
}

TEST_F(DebugfsSourceTest, RunningOutOfDescriptorsIsAnErrorOfThatVmAndPasses) {
  vcpu("1-2", "0", "5\n");
  vcpu("3-4", "0", "5\n");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  // Room for the list itself and one VM, but not for both.
  const UniqueFd lowest(::dup(0));
  const rlimit tight{static_cast<rlim_t>(lowest.get()) + 3, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  const auto vms = source_.list();
  std::vector<Result<VmReading>> readings;
  for (const auto& vm : vms ? *vms : std::vector<FoundVm>{}) {
    readings.push_back(read(vm.key));
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_TRUE(vms);
  ASSERT_EQ(vms->size(), 2u);
  EXPECT_TRUE(std::ranges::any_of(
      readings, [](const auto& r) { return !r && r.error().kind == ErrorKind::kIo; }));
  for (const auto& vm : *source_.list()) {
    EXPECT_TRUE(read(vm.key));
  }
}

}  // namespace
}  // namespace kvmtsc
