#include "collectors/uevents.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <random>

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

std::string message(std::initializer_list<std::string_view> pieces) {
  std::string text;
  for (const std::string_view piece : pieces) {
    text += piece;
    text += '\0';
  }
  return text;
}

constexpr std::string_view kHead = "change@/devices/virtual/misc/kvm";
constexpr std::string_view kPath = "DEVPATH=/devices/virtual/misc/kvm";

TEST(KvmUevent, ReadsWhatTheKernelSends) {
  const auto created = parse_kvm_uevent(
      message({kHead, "ACTION=change", kPath, "SUBSYSTEM=misc", "CREATED=6", "COUNT=1",
               "EVENT=create", "PID=7652", "STATS_PATH=/kvm/7652-5", "MAJOR=10", "SEQNUM=830"}));
  ASSERT_TRUE(created);
  EXPECT_EQ(created->kind, KvmUevent::Kind::kCreate);
  EXPECT_EQ(created->creator, 7652);
  EXPECT_EQ(created->stats_path, "/kvm/7652-5");
  const auto destroyed = parse_kvm_uevent(message({kHead, kPath, "EVENT=destroy"}));
  ASSERT_TRUE(destroyed);
  EXPECT_EQ(destroyed->kind, KvmUevent::Kind::kDestroy);
  EXPECT_FALSE(destroyed->creator);
  EXPECT_EQ(destroyed->stats_path, "");
}

TEST(KvmUevent, IgnoresOtherEvents) {
  EXPECT_FALSE(parse_kvm_uevent(message({"add@/devices/x", "DEVPATH=/devices/x", "EVENT=create"})));
  EXPECT_FALSE(parse_kvm_uevent(message({kHead, kPath, "EVENT=resize"})));
  EXPECT_FALSE(parse_kvm_uevent(message({"add@/devices/virtual/misc/kvm", "ACTION=add", kPath})));
  EXPECT_FALSE(parse_kvm_uevent(message({kHead, "DEVPATH=/devices/virtual/misc/kvm2",  //
                                         "EVENT=create"})));
}

TEST(KvmUevent, MalformedMessagesAreNone) {
  EXPECT_FALSE(parse_kvm_uevent(""));
  EXPECT_FALSE(parse_kvm_uevent(std::string(100, '\0')));
  EXPECT_FALSE(parse_kvm_uevent("no NUL and no at"));
  EXPECT_FALSE(parse_kvm_uevent(kHead));
  EXPECT_FALSE(parse_kvm_uevent(message({"libudev", kPath, "EVENT=create"})));
  EXPECT_FALSE(parse_kvm_uevent(message({kHead, "EVENT=create"})));
  EXPECT_FALSE(parse_kvm_uevent(message({kHead, kPath, "EVENT"})));
  EXPECT_FALSE(parse_kvm_uevent(message({kHead, kPath, "EVENT=", "EVENT=create"})));
  EXPECT_FALSE(parse_kvm_uevent(message({kHead, kPath, "XEVENT=create"})));
}

TEST(KvmUevent, ABadPidIsAbsent) {
  for (const char* pid : {"PID=", "PID=x", "PID=0", "PID=-1", "PID=4294967296", "PID=2147483648"}) {
    const auto event = parse_kvm_uevent(message({kHead, kPath, "EVENT=create", pid}));
    ASSERT_TRUE(event) << pid;
    EXPECT_FALSE(event->creator) << pid;
  }
}

TEST(KvmUevent, SurvivesAnyTruncationAndDamage) {
  const std::string good = message({kHead, kPath, "EVENT=create", "PID=7", "STATS_PATH=/kvm/7-5"});
  for (std::size_t size = 0; size < good.size(); ++size) {
    parse_kvm_uevent(std::string(good, 0, size));
  }
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    std::string bad = good;
    for (int n = 0; n < 4; ++n) {
      bad[random() % bad.size()] = static_cast<char>(random());
    }
    parse_kvm_uevent(bad);
  }
}

TEST(KvmUevents, TheSocketNeitherBlocksNorLeaksIntoChildren) {
  auto events = KvmUevents::open();
  if (!events) {
    GTEST_SKIP() << "no kobject uevents here: " << events.error().text();
  }
  EXPECT_NE(::fcntl(events->fd(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_NE(::fcntl(events->fd(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_TRUE(events->drain().ok());  // returns, though perhaps nothing waits
}

// What any process with CAP_NET_ADMIN could send us. VMs that come and go on this machine meanwhile
// are truly told of, so it is tried until none does.
TEST(KvmUevents, OnlyTheKernelIsBelieved) {
  auto events = KvmUevents::open();
  if (!events) {
    GTEST_SKIP() << "no kobject uevents here: " << events.error().text();
  }
  const UniqueFd forger(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1;
  const std::string forged = message({kHead, kPath, "EVENT=create", "PID=7"});
  bool believed = true;
  for (int attempt = 0; believed && attempt < 50; ++attempt) {
    if (::sendto(forger.get(), forged.data(), forged.size(), 0,
                 reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0) {
      GTEST_SKIP() << "cannot forge a uevent: " << ::strerror(errno);
    }
    pollfd ready{.fd = events->fd(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&ready, 1, 2000), 1);
    const auto changed = events->drain();
    ASSERT_TRUE(changed.ok());
    believed = *changed;
  }
  EXPECT_FALSE(believed);
}

TEST(KvmUevents, LostMessagesCountAsAChange) {
  auto events = KvmUevents::open();
  if (!events) {
    GTEST_SKIP() << "no kobject uevents here: " << events.error().text();
  }
  const int smallest = 1;
  ASSERT_EQ(::setsockopt(events->fd(), SOL_SOCKET, SO_RCVBUF, &smallest, sizeof(smallest)), 0);
  // Makes the kernel send uevents of another device.
  const UniqueFd trigger(::open("/sys/devices/virtual/mem/null/uevent", O_WRONLY | O_CLOEXEC));
  for (int i = 0; i < 50; ++i) {
    if (::write(trigger.get(), "change", 6) != 6) {
      GTEST_SKIP() << "cannot trigger uevents: " << ::strerror(errno);
    }
  }
  pollfd ready{.fd = events->fd(), .events = POLLIN, .revents = 0};
  if (::poll(&ready, 1, 2000) != 1) {
    GTEST_SKIP() << "no kobject uevents arrive here (not the initial network namespace?)";
  }
  const auto changed = events->drain();
  ASSERT_TRUE(changed.ok());
  EXPECT_TRUE(*changed);
}

}  // namespace
}  // namespace kvmtsc
