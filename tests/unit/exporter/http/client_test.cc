#include "exporter/http/client.h"

#include <gtest/gtest.h>

namespace kvmtsc::http {
namespace {

std::string client(const std::string& peer) {
  Request request;
  request.peer = peer;
  return client_of(request);
}

TEST(Client, IsAnAddressWhateverThePort) {
  EXPECT_EQ(client("10.0.0.1:1234"), "10.0.0.1");
  EXPECT_EQ(client("10.0.0.1:1235"), "10.0.0.1");
  EXPECT_EQ(client("unix"), "unix");
}

TEST(Client, OfIpv6IsANetwork) {
  EXPECT_EQ(client("[2001:db8:1:2::3]:1"), "2001:db8:1:2::/64");
  EXPECT_EQ(client("[2001:db8:1:2:ffff:ffff:ffff:ffff]:2"), "2001:db8:1:2::/64");
  EXPECT_NE(client("[2001:db8:1:3::3]:1"), client("[2001:db8:1:2::3]:1"));
  EXPECT_EQ(client("[fe80::1]:1"), "fe80::1");
  EXPECT_EQ(client("[fe80::1%eth0]:1"), "fe80::1%eth0");
  EXPECT_EQ(client("[::1]:1"), "::1");
  EXPECT_EQ(client("[::ffff:10.0.0.1]:1"), "10.0.0.1");
}

TEST(Client, OfThisHostIsAUserWhereTheKernelTells) {
  Request request;
  request.peer = "127.0.0.1:1";
  request.loopback_uid = 1000;
  EXPECT_EQ(client_of(request), "127.0.0.1 uid 1000");
  Request local;
  local.peer = "unix";
  local.peer_uid = 7;
  EXPECT_EQ(client_of(local), "unix uid 7");
}

TEST(Client, KnowsThisHost) {
  for (const char* peer : {"127.0.0.1:1", "127.1.2.3:1", "[::1]:1", "[::ffff:127.0.0.1]:1"}) {
    EXPECT_TRUE(is_loopback(peer)) << peer;
  }
  for (const char* peer : {"10.0.0.1:1", "unix", "[2001:db8::1]:1", "1.127.0.0:1"}) {
    EXPECT_FALSE(is_loopback(peer)) << peer;
  }
}

}  // namespace
}  // namespace kvmtsc::http
