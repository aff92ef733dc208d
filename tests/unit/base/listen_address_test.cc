#include "base/listen_address.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

TEST(ListenAddress, ReadsItsThreeFormsAndPrintsThemAgain) {
  using Family = ListenAddress::Family;
  const struct {
    const char* text;
    ListenAddress address;
  } cases[] = {
      {"127.0.0.1:10078", {Family::kIpv4, "127.0.0.1", 10078}},
      {"0.0.0.0:0", {Family::kIpv4, "0.0.0.0", 0}},
      {"10.1.2.3:65535", {Family::kIpv4, "10.1.2.3", 65535}},
      {"[::1]:10078", {Family::kIpv6, "::1", 10078}},
      {"[::]:1", {Family::kIpv6, "::", 1}},
      {"[2001:db8::10]:9100", {Family::kIpv6, "2001:db8::10", 9100}},
      {"unix:/run/a.sock", {Family::kUnix, "/run/a.sock", 0}},
  };
  for (const auto& [text, address] : cases) {
    const auto parsed = parse_listen_address(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_EQ(*parsed, address) << text;
    EXPECT_EQ(parsed->text(), text);
  }
}

TEST(ListenAddress, RefusesEverythingElseNamingIt) {
  using namespace std::string_literals;
  const std::string longest = "unix:/" + std::string(106, 'a');
  EXPECT_TRUE(parse_listen_address(longest));
  for (const std::string& text : {""s, "unix:/run/a:b"s, "unix:/run/a,b"s,
                                  ":"s,
                                  ":10078"s,
                                  "10078"s,
                                  "127.0.0.1"s,
                                  "127.0.0.1:"s,
                                  "127.0.0.1:65536"s,
                                  "127.0.0.1:-1"s,
                                  "127.0.0.1:+80"s,
                                  "127.0.0.1: 80"s,
                                  "127.0.0.1:80 "s,
                                  "127.0.0.1:80x"s,
                                  "127.0.0.1:99999999999999999999"s,
                                  "127.0.1:80"s,
                                  "256.0.0.1:80"s,
                                  "localhost:80"s,
                                  "::1:80"s,
                                  "[::1]"s,
                                  "[::1]80"s,
                                  "[::1:80"s,
                                  "[]:80"s,
                                  "[:80"s,
                                  "[127.0.0.1]:80"s,
                                  "[::g]:80"s,
                                  "127.0.0.1\0:80"s,
                                  "unix:"s,
                                  "unix:relative"s,
                                  "unix:/a\0b"s,
                                  longest + "a",
                                  "http://127.0.0.1:80"s}) {
    const auto parsed = parse_listen_address(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().kind, ErrorKind::kInvalid);
    EXPECT_NE(parsed.error().message.find("'" + text + "'"), std::string::npos) << text;
    EXPECT_FALSE(parsed.error().remedy.empty());
  }
}

}  // namespace
}  // namespace kvmtsc
