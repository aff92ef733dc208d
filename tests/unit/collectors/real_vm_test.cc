// Identity and uevents of real VMs, which the test itself creates on /dev/kvm.
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "collectors/proc_identifier.h"
#include "collectors/uevents.h"
#include "tests/fakes/real_kvm.h"

namespace kvmtsc {
namespace {

class RealVm : public RealKvm {
 protected:
  static void expect_this_process(const VmIdentity& identity) {
    EXPECT_EQ(identity.pid, ::getpid());
    EXPECT_EQ(identity.vmm, "unit_collectors");
    EXPECT_EQ(identity.name, "unit_collectors-" + std::to_string(::getpid()));
    EXPECT_GT(identity.process_start, 0u);
  }

  ProcIdentifier identifier_{HostRoot{}, IdentityRules{}};
};

TEST_F(RealVm, IsIdentifiedAsThisProcess) {
  const UniqueFd vm = create_vm();
  expect_this_process(identifier_.identify({::gettid(), vm.get(), 1}, {}));
}

TEST_F(RealVm, IsIdentifiedThroughTheThreadThatMadeIt) {
  UniqueFd vm;
  VmIdentity while_alive;
  pid_t creator = 0;
  std::thread([&] {
    creator = ::gettid();
    vm = create_vm();
    while_alive = identifier_.identify({creator, vm.get(), 1}, {});
  }).join();
  ASSERT_NE(creator, ::getpid());
  expect_this_process(while_alive);
  // The thread has ended; another that runs the vCPUs would still lead here.
  const std::vector<pid_t> threads{0, ::gettid()};
  expect_this_process(identifier_.identify({creator, vm.get(), 1}, threads));
}

TEST_F(RealVm, ThatIsGoneIsNotThisProcess) {
  const int fd = create_vm().get();  // closed at once
  const auto identity = identifier_.identify({::gettid(), fd, 1}, {});
  EXPECT_EQ(identity.pid, 0);
  EXPECT_EQ(identity.name, "vm-" + std::to_string(::gettid()) + "-" + std::to_string(fd));
}

// A bare listener, to know whether this machine delivers uevents at all.
class Probe {
 public:
  Probe() : socket_(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT)) {
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = 1;
    bound_ = ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }
  bool heard() const {
    pollfd ready{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    return bound_ && ::poll(&ready, 1, 2000) == 1;
  }

 private:
  UniqueFd socket_;
  bool bound_ = false;
};

// Waits for up to 2 s until drain() tells of a VM.
bool told(KvmUevents& events) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (std::chrono::steady_clock::now() < deadline) {
    pollfd ready{.fd = events.fd(), .events = POLLIN, .revents = 0};
    ::poll(&ready, 1, 100);
    const auto changed = events.drain();
    EXPECT_TRUE(changed.ok());
    if (!changed || *changed) {
      return changed.ok();
    }
  }
  return false;
}

TEST_F(RealVm, IsToldOfWhenItIsCreatedAndDestroyed) {
  const Probe probe;
  auto events = KvmUevents::open();
  UniqueFd vm = create_vm();
  if (!probe.heard()) {
    GTEST_SKIP() << "no kobject uevents arrive here (not the initial network namespace?)";
  }
  ASSERT_TRUE(events.ok());
  EXPECT_TRUE(told(*events));
  vm.reset();
  EXPECT_TRUE(told(*events));
}

}  // namespace
}  // namespace kvmtsc
