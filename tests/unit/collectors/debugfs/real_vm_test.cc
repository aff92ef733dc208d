// Real VMs, which the test itself makes on /dev/kvm, as the kernel's own debugfs shows them.
#include <linux/kvm.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/unique_fd.h"
#include "collectors/debugfs/debugfs_source.h"
#include "collectors/proc_identifier.h"
#include "collectors/sweep.h"
#include "tests/fakes/fake_source.h"
#include "tests/fakes/real_kvm.h"

namespace kvmtsc {
namespace {

class RealVmInDebugfs : public RealKvm {
 protected:
  void SetUp() override {
    RealKvm::SetUp();
    if (const auto listed = source_.list(); !IsSkipped() && !listed) {
      GTEST_SKIP() << listed.error().text();
    }
  }

  ProcIdentifier identifier_{HostRoot{}, {}};
  DebugfsSource source_{HostRoot{}, identifier_, system_clock()};
};

// VMs are made and ended in a loop, and swept without a pause: no reading of one that is being made
// may ever be trusted with a skew. All vCPUs of such a VM have the same offset, for KVM aligns
// those that are made within a second.
TEST_F(RealVmInDebugfs, NoneThatIsBeingMadeIsEverTrustedWithASkew) {
  std::atomic<bool> over{false};
  std::atomic<pid_t> maker_id{0};
  std::atomic<int> made{0};
  std::thread maker([&] {
    maker_id = ::gettid();
    while (!over) {
      const UniqueFd vm = create_vm();
      std::array<UniqueFd, 4> vcpus;
      for (std::size_t i = 0; i < vcpus.size(); ++i) {
        vcpus[i].reset(::ioctl(vm.get(), KVM_CREATE_VCPU, i));
      }
      ++made;
    }
  });
  FakeHostClock host;
  // Readings confirm each other at once, so that whatever is wrong for a moment would be shown.
  Sweep sweep({.interval = Nanoseconds(2)}, system_clock(), host, {&source_});
  const auto start = std::chrono::steady_clock::now();
  const auto lasting = [&] { return std::chrono::steady_clock::now() - start; };
  std::set<VmKey> seen;
  std::size_t partly = 0;
  // On a busy host KVM takes a second to make one.
  while (lasting() < std::chrono::seconds(3) ||
         ((seen.size() < 3 || partly == 0) && lasting() < std::chrono::seconds(20))) {
    const auto snapshot = sweep.run();
    for (const VmState& vm : snapshot->vms) {
      if (vm.key.creator != maker_id) {
        continue;
      }
      seen.insert(vm.key);
      partly += vm.reading && vm.reading->vcpus.size() < 4 ? 1U : 0U;
      if (vm.reading && vm.reading->trust == Trust::kTrusted && vm.skew) {
        EXPECT_EQ(vm.skew->spread_ticks, 0U);
      }
    }
  }
  over = true;
  maker.join();
  EXPECT_GE(seen.size(), 3U) << "of " << made << " made";
  EXPECT_GT(partly, 0U) << "no reading ever fell between";
  RecordProperty("vms_seen", static_cast<int>(seen.size()));
  RecordProperty("seen_partly", static_cast<int>(partly));
}

// A process that makes a VM, forks and ends; the child lives on with what it inherited.
TEST_F(RealVmInDebugfs, OneWhoseProcessLeftItToAChildIsOrphaned) {
  std::array<int, 2> told{};
  std::array<int, 2> go{};
  ASSERT_EQ(::pipe2(told.data(), O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(go.data(), O_CLOEXEC), 0);
  const UniqueFd told_here(told[0]);
  UniqueFd told_there(told[1]);
  const UniqueFd go_there(go[0]);
  const UniqueFd go_here(go[1]);
  const pid_t owner = ::fork();
  if (owner == 0) {
    const UniqueFd vm = create_vm();
    const pid_t heir = ::fork();
    if (heir == 0) {
      ::alarm(30);
      ::pause();
      ::_exit(0);
    }
    const std::array<int, 2> ids{vm.get(), heir};
    char answer = 0;
    const bool done = ::write(told_there.get(), ids.data(), sizeof ids) == sizeof ids &&
                      ::read(go_there.get(), &answer, 1) == 1;
    ::_exit(done ? 0 : 1);
  }
  told_there.reset();
  std::array<int, 2> ids{};
  ASSERT_EQ(::read(told_here.get(), ids.data(), sizeof ids), static_cast<ssize_t>(sizeof ids));
  const int fd = ids[0];
  const pid_t heir = ids[1];
  const auto find = [&]() -> std::optional<VmIdentity> {
    const auto found = source_.list();
    for (const FoundVm& vm : found ? *found : std::vector<FoundVm>{}) {
      if (vm.key.creator == owner && vm.key.fd == fd) {
        return vm.identity;
      }
    }
    return std::nullopt;
  };
  const auto while_alive = find();
  ASSERT_EQ(::write(go_here.get(), "g", 1), 1);
  int status = 0;
  ASSERT_EQ(::waitpid(owner, &status, 0), owner);
  const auto afterwards = find();
  ProcIdentifier newcomer(HostRoot{}, {});
  const bool ended = newcomer.owner_has_ended({owner, fd, 0}, {});
  ::kill(heir, SIGKILL);
  ASSERT_TRUE(while_alive && afterwards);
  EXPECT_EQ(while_alive->pid, owner);
  EXPECT_FALSE(while_alive->orphaned);
  EXPECT_TRUE(afterwards->orphaned);
  EXPECT_EQ(afterwards->pid, 0);
  EXPECT_EQ(afterwards->holder, heir);
  EXPECT_EQ(afterwards->name, while_alive->name);
  EXPECT_TRUE(ended);
  // With the last descriptor the VM goes.
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (find() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_FALSE(find());
}

}  // namespace
}  // namespace kvmtsc
