#include "config/listen_address.h"

#include <string>

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

TEST(ListenAddress, HasThreeForms) {
  for (const std::string address :
       {"127.0.0.1:10078", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:10078", "[::]:0",
        "[2001:db8::1]:80", "[::ffff:127.0.0.1]:80", "unix:/run/kvm-tsc.sock", "unix:relative",
        "unix:/a:b"}) {
    EXPECT_TRUE(check_listen_address(address)) << address;
  }
  EXPECT_TRUE(check_listen_address("unix:" + std::string(107, 'x')));
}

TEST(ListenAddress, IsNothingElse) {
  using namespace std::string_literals;
  for (const std::string& address : {""s,
                                     ":"s,
                                     "127.0.0.1"s,
                                     "10078"s,
                                     ":10078"s,
                                     "localhost:80"s,
                                     "127.0.0.1:"s,
                                     "127.0.0.1:x"s,
                                     "127.0.0.1:-1"s,
                                     "127.0.0.1:+1"s,
                                     "127.0.0.1: 1"s,
                                     "127.0.0.1:1 "s,
                                     "127.0.0.1:65536"s,
                                     "127.0.0.1:000001"s,
                                     "127.0.0.1:99999999999999999999"s,
                                     "256.0.0.1:80"s,
                                     "127.1:80"s,
                                     "127.0.0.1:80:80"s,
                                     "::1:80"s,
                                     "[::1]"s,
                                     "[::1]80"s,
                                     "[::1:80"s,
                                     "::1]:80"s,
                                     "[]:80"s,
                                     "[:80"s,
                                     "[127.0.0.1]:80"s,
                                     "[fe80::1%eth0]:80"s,
                                     "[::g]:80"s,
                                     "unix:"s,
                                     "UNIX:/a"s,
                                     "http://127.0.0.1:80"s,
                                     "127.0.0.1\0x:80"s}) {
    const Status status = check_listen_address(address);
    ASSERT_FALSE(status) << address;
    EXPECT_EQ(status.error().kind, ErrorKind::kInvalid);
    EXPECT_FALSE(status.error().message.empty()) << address;
    EXPECT_FALSE(status.error().remedy.empty()) << address;
  }
  EXPECT_FALSE(check_listen_address("unix:" + std::string(108, 'x')));
}

TEST(ListenAddress, AMissingHostTeaches) {
  EXPECT_NE(check_listen_address(":10078").error().remedy.find("0.0.0.0:PORT"), std::string::npos);
}

}  // namespace
}  // namespace kvmtsc
