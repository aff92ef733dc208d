#include "exporter/http/loopback_peer.h"

#include <sys/socket.h>
#include <unistd.h>

#include <gtest/gtest.h>
#include <netinet/in.h>

#include "base/unique_fd.h"

namespace kvmtsc::http {
namespace {

struct Pair {
  UniqueFd client;
  UniqueFd server;
};

Pair connected() {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(listener.get(), any, size), 0);
  EXPECT_EQ(::listen(listener.get(), 1), 0);
  EXPECT_EQ(::getsockname(listener.get(), any, &size), 0);
  UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(client.get(), any, size), 0);
  return {std::move(client), UniqueFd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC))};
}

TEST(LoopbackPeer, IsTheUserWhoMadeTheOtherSocket) {
  const Pair pair = connected();
  const auto uid = loopback_uid(pair.server.get());
  if (!uid) {
    GTEST_SKIP() << "the kernel, or a sandbox, does not answer INET_DIAG";
  }
  EXPECT_EQ(*uid, ::geteuid());
  // The other way round it is the same.
  EXPECT_EQ(loopback_uid(pair.client.get()), uid);
}

// Otherwise who hangs up at once would count as root.
TEST(LoopbackPeer, IsNobodyOnceTheOtherEndIsClosed) {
  Pair pair = connected();
  pair.client = UniqueFd();
  EXPECT_EQ(loopback_uid(pair.server.get()), std::nullopt);
}

TEST(LoopbackPeer, IsNobodyOfWhatIsNoTcpConnection) {
  const UniqueFd none(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(loopback_uid(none.get()), std::nullopt);
  EXPECT_EQ(loopback_uid(-1), std::nullopt);
}

}  // namespace
}  // namespace kvmtsc::http
