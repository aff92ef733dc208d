#include "cli/default_server.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "tests/fakes/temporary_directory.h"

namespace kvmtsc {
namespace {

using testing::HasSubstr;

class FindServerTest : public testing::Test {
 protected:
  FindServerTest() {
    places_.socket = directory_.path() + "/api.sock";
    // Bound and not listened to: nobody else gets the port, and nobody answers at it.
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(tcp_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    ::getsockname(tcp_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    places_.port = ntohs(address.sin_port);
  }

  void serve_socket() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, places_.socket.c_str(), sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(unix_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(::listen(unix_.get(), 16), 0);
  }
  void serve_port() const { ASSERT_EQ(::listen(tcp_.get(), 16), 0); }
  std::string tcp() const { return "http://127.0.0.1:" + std::to_string(places_.port); }
  // A /proc in which that user listens at the port.
  std::string proc_with(unsigned uid) const {
    std::array<char, 512> table{};
    std::snprintf(
        table.data(), table.size(),
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
        "   0: 0100007F:%04X 00000000:0000 0A 00000000:00000000 00:00000000 00000000  %u\n",
        unsigned{places_.port}, uid);
    directory_.write("proc/net/tcp", table.data());
    return directory_.path() + "/proc";
  }

  TemporaryDirectory directory_;
  DefaultPlaces places_;
  UniqueFd tcp_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  UniqueFd unix_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
};

TEST_F(FindServerTest, TheSocketComesFirst) {
  serve_socket();
  serve_port();
  const auto found = find_server(true, places_);
  EXPECT_EQ(found.server, "unix:" + places_.socket);
  EXPECT_EQ(found.how, "its unix socket");
}

TEST_F(FindServerTest, ThePortWhereThereIsNoSocket) {
  serve_port();
  const auto found = find_server(true, places_);  // this user listens
  EXPECT_EQ(found.server, tcp());
  EXPECT_THAT(found.how, HasSubstr("without options"));
}

TEST_F(FindServerTest, AndWhereTheSocketWasLeftBehind) {
  serve_socket();
  unix_.reset();
  serve_port();
  EXPECT_EQ(find_server(true, places_).server, tcp());
}

TEST_F(FindServerTest, WithoutAnyServiceBothPlacesAreNamed) {
  const auto found = find_server(false, places_);
  EXPECT_EQ(found.server, "unix:" + places_.socket);
  EXPECT_EQ(found.how, "");
  EXPECT_EQ(found.aside, "nor does anybody answer at " + tcp());
}

TEST_F(FindServerTest, ABusyServiceIsFoundSoon) {
  ASSERT_EQ(::listen(tcp_.get(), 0), 0);
  for (int asked = 0; asked < 3; ++asked) {  // by then its queue is full
    EXPECT_EQ(find_server(true, places_).server, tcp());
  }
}

TEST_F(FindServerTest, ATokenGoesToNobodyElsesPort) {
  serve_port();
  const unsigned other = ::geteuid() + 4711;
  const auto found = find_server(true, places_, proc_with(other));
  EXPECT_EQ(found.server, "unix:" + places_.socket);
  EXPECT_THAT(found.aside, HasSubstr("user " + std::to_string(other) + " listens"));
  EXPECT_THAT(find_server(true, places_, directory_.path() + "/none").aside,
              HasSubstr("somebody unknown"));
  // Without one there is nothing to lose.
  EXPECT_EQ(find_server(false, places_, proc_with(other)).server, tcp());
  EXPECT_EQ(find_server(true, places_, proc_with(0)).server, tcp());
}

}  // namespace
}  // namespace kvmtsc
