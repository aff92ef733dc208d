#include "exporter/http/login_limits.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace kvmtsc::http {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using What = LoginNews::What;

class LoginLimitsTest : public testing::Test {
 protected:
  void fail(int times, const std::string& client = "a", const std::string& account = "user:x") {
    for (int i = 0; i < times; ++i) {
      limits_.failed(client, account, "x", minutes(1));
    }
  }
  std::vector<What> whats() const {
    std::vector<What> all;
    for (const LoginNews& one : news_) {
      all.push_back(one.what);
    }
    return all;
  }

  FakeClock clock_;
  std::vector<LoginNews> news_;
  LoginLimits limits_{clock_, [this](const LoginNews& one) { news_.push_back(one); }};
};

TEST_F(LoginLimitsTest, AreOfOneClientAndOneAccount) {
  fail(LoginLimits::kAllowed - 1);
  EXPECT_EQ(limits_.wait("a", "user:x"), std::nullopt);
  clock_.advance(seconds(20));
  fail(1);
  EXPECT_EQ(limits_.wait("a", "user:x"), seconds(40));
  EXPECT_EQ(limits_.wait("a", "user:y"), std::nullopt);
  EXPECT_EQ(limits_.wait("b", "user:x"), std::nullopt);
  clock_.advance(seconds(40));
  EXPECT_EQ(limits_.wait("a", "user:x"), std::nullopt);
}

TEST_F(LoginLimitsTest, AreToldOfWhenTheyBeginAndWhenTheyEnd) {
  fail(1);
  fail(LoginLimits::kAllowed + 10);
  limits_.turned_away("a", "user:x");
  limits_.tidy();
  EXPECT_THAT(whats(), ElementsAre(What::kFailed, What::kLimited));
  EXPECT_EQ(news_.back().wait, minutes(1));
  clock_.advance(minutes(1));
  limits_.tidy();
  limits_.tidy();
  EXPECT_THAT(whats(), ElementsAre(What::kFailed, What::kLimited, What::kEnded));
  EXPECT_EQ(news_.back().client, "a");
  EXPECT_EQ(news_.back().name, "x");
  EXPECT_EQ(news_.back().failures, 16u);
  EXPECT_EQ(news_.back().unseen, 1u);
  EXPECT_EQ(limits_.failures(), 16u);
  EXPECT_EQ(limits_.lockouts(), 1u);
  EXPECT_EQ(limits_.size(), 0u);
}

TEST_F(LoginLimitsTest, AreToldOfWithoutTidyingToo) {
  fail(LoginLimits::kAllowed);
  clock_.advance(minutes(1));
  fail(1);
  EXPECT_THAT(whats(), ElementsAre(What::kFailed, What::kLimited, What::kEnded, What::kFailed));
}

TEST_F(LoginLimitsTest, OneMistakeIsOneLine) {
  fail(1);
  clock_.advance(minutes(1));
  limits_.tidy();
  EXPECT_THAT(whats(), ElementsAre(What::kFailed));
}

TEST_F(LoginLimitsTest, TakeLittleRoomHoweverManyCome) {
  for (std::size_t i = 0; i < 3 * LoginLimits::kMostClients; ++i) {
    fail(1, "client " + std::to_string(i));
  }
  EXPECT_EQ(limits_.size(), LoginLimits::kMostClients + 1);
  // Those for whom there is no room are limited together, not left alone.
  EXPECT_TRUE(limits_.wait("yet another", "user:x"));
  EXPECT_FALSE(limits_.wait("client 1", "user:x"));
  clock_.advance(minutes(1));
  fail(1, "yet another");
  EXPECT_EQ(limits_.size(), 1u);
}

}  // namespace
}  // namespace kvmtsc::http
