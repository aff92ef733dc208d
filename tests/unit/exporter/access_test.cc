#include "exporter/access.h"

#include <gtest/gtest.h>

namespace kvmtsc {
namespace {

const std::vector<std::string> kTcp{"127.0.0.1:10078"};

TEST(SomebodyGetsIn, WhereNoLoginIsRequired) {
  EXPECT_TRUE(somebody_gets_in({}, kTcp));
}

TEST(SomebodyGetsIn, OnlyByALoginOrAsRoot) {
  WebConfig closed;
  closed.require_auth = true;
  const Status refused = somebody_gets_in(closed, kTcp);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kRefused);
  EXPECT_NE(refused.error().remedy.find("basic_auth_users"), std::string::npos);
  EXPECT_TRUE(somebody_gets_in(closed, {"127.0.0.1:10078", "unix:/run/x"}));

  // Those who have one are still asked for a login.
  WebConfig certified = closed;
  certified.has_tls = true;
  certified.tls.client_auth = ClientAuth::kRequireAndVerify;
  EXPECT_FALSE(somebody_gets_in(certified, kTcp));

  WebConfig user = closed;
  user.users["alice"] = {};
  EXPECT_TRUE(somebody_gets_in(user, kTcp));
  WebConfig token = closed;
  token.tokens.push_back({});
  EXPECT_TRUE(somebody_gets_in(token, kTcp));
}

}  // namespace
}  // namespace kvmtsc
