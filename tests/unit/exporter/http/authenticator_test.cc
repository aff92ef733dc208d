#include "exporter/http/authenticator.h"

#include <crypt.h>

#include <atomic>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "tests/fakes/fake_clock.h"

namespace kvmtsc::http {
namespace {

// "alice:secret" and "bob:secret" in base 64.
constexpr const char* kAlice = "Basic YWxpY2U6c2VjcmV0";
constexpr const char* kAliceWrong = "Basic YWxpY2U6d3Jvbmc=";
constexpr const char* kBob = "Basic Ym9iOnNlY3JldA==";

class AuthenticatorTest : public testing::Test {
 protected:
  AuthenticatorTest() {
    Logins logins;
    // The least cost there is, so that the test is quick.
    logins.users.push_back(
        {"alice", ::crypt("secret", "$2b$04$abcdefghijklmnopqrstuu"), Role::kViewer, {}});
    logins.tokens.push_back({"night", sha256_hex("token"), Role::kOperator, {{"web-1"}, {}}});
    authenticator_.set(logins);
  }

  static Request request(const std::string& method, const std::string& path,
                         const std::string& authorization = "") {
    Request request;
    request.method = method;
    request.path = path;
    request.peer = "10.0.0.1:1234";
    request.headers = {{"Content-Type", "application/json"}, {"Host", "host:1"}};
    if (!authorization.empty()) {
      request.headers.emplace_back("Authorization", authorization);
    }
    return request;
  }
  static std::string digits(int number) { return std::to_string(number); }
  static std::string basic(const std::string& credentials) {
    std::string text(credentials.size() * 4 / 3 + 5, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(credentials.data()),
                                     static_cast<int>(credentials.size()));
    return "Basic " + text.substr(0, static_cast<std::size_t>(size));
  }
  // 0 when the request is let through.
  int status(Request request) {
    const auto refusal = authenticator_.admit(request);
    principal_ = request.principal;
    return refusal ? refusal->status : 0;
  }

  FakeClock clock_;
  Authenticator authenticator_{clock_};
  Principal principal_;
};

TEST_F(AuthenticatorTest, ReadsAreOpenUnlessALoginIsRequired) {
  EXPECT_EQ(status(request("GET", "/metrics")), 0);
  EXPECT_EQ(principal_.role, Role::kNobody);
  Logins closed;
  closed.require_login = true;
  authenticator_.set(closed);
  EXPECT_EQ(status(request("GET", "/metrics")), 401);
  EXPECT_EQ(status(request("GET", "/-/healthy")), 0);
  EXPECT_EQ(status(request("GET", "/-/ready")), 0);
}

TEST_F(AuthenticatorTest, ChangesNeedAnOperator) {
  for (const char* method : {"POST", "PUT", "DELETE", "PATCH"}) {
    EXPECT_EQ(status(request(method, "/api/v1/vms/a/plans")), 401) << method;
    EXPECT_EQ(status(request(method, "/api/v1/vms/a/plans", kAlice)), 403) << method;
    EXPECT_EQ(status(request(method, "/api/v1/vms/a/plans", "Bearer token")), 0) << method;
  }
  EXPECT_EQ(principal_.name, "token:night");
  EXPECT_EQ(principal_.scope.names, std::vector<std::string>{"web-1"});
  EXPECT_EQ(status(request("POST", "/-/reload")), 401);
  authenticator_.set({});
  EXPECT_EQ(status(request("POST", "/-/reload")), 0);
  EXPECT_EQ(status(request("POST", "/api/v1/vms/a/plans")), 401);
}

TEST_F(AuthenticatorTest, KnowsUsersByTheirPasswords) {
  EXPECT_EQ(status(request("GET", "/", kAlice)), 0);
  EXPECT_EQ(principal_.name, "user:alice");
  EXPECT_EQ(principal_.role, Role::kViewer);
  EXPECT_EQ(status(request("GET", "/", kAlice)), 0);  // from the cache
  EXPECT_EQ(status(request("GET", "/", kAliceWrong)), 401);
  EXPECT_EQ(status(request("GET", "/", kBob)), 401);
  EXPECT_EQ(authenticator_.limits().failures(), 2u);
}

TEST_F(AuthenticatorTest, RefusesWhatIsNoCredential) {
  for (const char* wrong :
       {"Bearer wrong", "Bearer", "Basic !!!!", "Basic YQ==", "Digest x", "x"}) {
    clock_.advance(std::chrono::minutes(1));
    EXPECT_EQ(status(request("GET", "/", wrong)), 401) << wrong;
  }
}

TEST_F(AuthenticatorTest, RootOverTheUnixSocketIsAnOperator) {
  Request local = request("POST", "/api/v1/vms/a/plans");
  local.peer = "unix";
  local.peer_uid = 0;
  EXPECT_EQ(status(local), 0);
  EXPECT_EQ(principal_.name, "root");
  local.peer_uid = 1000;
  EXPECT_EQ(status(local), 401);
}

TEST_F(AuthenticatorTest, ServesWhatIsRightWhileWrongTokensAreLimited) {
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(status(request("GET", "/", "Bearer guess" + digits(i))),
              i < LoginLimits::kAllowed ? 401 : 429)
        << i;
    EXPECT_EQ(status(request("GET", "/", "Bearer token")), 0) << i;
    EXPECT_EQ(status(request("GET", "/", kAlice)), 0) << i;
  }
  EXPECT_EQ(status(request("GET", "/metrics")), 0);  // who claims nothing is not guessing
  EXPECT_EQ(authenticator_.limits().failures(), 500u);
  EXPECT_EQ(authenticator_.limits().lockouts(), 1u);
  clock_.advance(std::chrono::minutes(1));
  EXPECT_EQ(status(request("GET", "/", "Bearer guess")), 401);
}

TEST_F(AuthenticatorTest, ServesOthersWhileOnesPasswordIsGuessed) {
  for (int i = 0; i < 500; ++i) {
    const std::string guess = i % 2 == 0 ? "mallory:" : "bob:";
    EXPECT_EQ(status(request("GET", "/", basic(guess + digits(i)))), i < 5 ? 401 : 429) << i;
  }
  EXPECT_EQ(status(request("GET", "/", kAlice)), 0);
  EXPECT_EQ(status(request("GET", "/", "Bearer token")), 0);
}

// A right password that is taken while guesses are limited is what a guesser looks for: be it
// remembered or not, it must look like any other.
TEST_F(AuthenticatorTest, TellsAGuesserNothingOnceHeIsLimited) {
  EXPECT_EQ(status(request("GET", "/", kAlice)), 0);  // remembered from now on
  for (int i = 0; i < LoginLimits::kAllowed; ++i) {
    EXPECT_EQ(status(request("GET", "/", basic("alice:" + digits(i)))), 401);
  }
  Request wrong = request("GET", "/", kAliceWrong);
  Request right = request("GET", "/", kAlice);
  const auto to_wrong = authenticator_.admit(wrong);
  const auto to_right = authenticator_.admit(right);
  ASSERT_TRUE(to_wrong && to_right);
  EXPECT_EQ(to_right->status, 429);
  EXPECT_EQ(to_right->body, to_wrong->body);
  EXPECT_EQ(to_right->headers, to_wrong->headers);
  EXPECT_EQ(right.principal.name, "");
  Request elsewhere = request("GET", "/", kAlice);
  elsewhere.peer = "10.0.0.2:1";
  EXPECT_EQ(status(elsewhere), 0);
  Request another_user = request("GET", "/", kAlice);
  another_user.loopback_uid = 1000;
  EXPECT_EQ(status(another_user), 0);
  clock_.advance(std::chrono::minutes(1));
  EXPECT_EQ(status(request("GET", "/", kAlice)), 0);
}

// However many users there are: five a minute, as when all of a client's guesses were one account.
TEST_F(AuthenticatorTest, AnHourTakesNoMoreGuessesThanFiveAMinute) {
  const std::string hash = ::crypt("secret", "$2b$04$abcdefghijklmnopqrstuu");
  for (const int users : {1, 4, 15}) {
    Logins logins;
    for (int i = 0; i < users; ++i) {
      logins.users.push_back({"user" + digits(i), hash, Role::kViewer, {}});
    }
    authenticator_.set(logins);
    const auto before = authenticator_.limits().failures();
    int guess = 0;
    for (int second = 0; second < 3600; second += 20) {
      for (int i = 0; i < 6 * users; ++i) {
        static_cast<void>(
            status(request("GET", "/", basic("user" + digits(i % users) + ":" + digits(++guess)))));
      }
      clock_.advance(std::chrono::seconds(20));
    }
    EXPECT_LE(authenticator_.limits().failures() - before, 300u) << users;
    clock_.advance(std::chrono::minutes(15));
  }
}

TEST_F(AuthenticatorTest, SaysHowLongToWait) {
  for (int i = 0; i < LoginLimits::kAllowed; ++i) {
    EXPECT_EQ(status(request("GET", "/", "Bearer guess")), 401);
  }
  clock_.advance(std::chrono::milliseconds(20'500));
  Request limited = request("GET", "/", "Bearer guess");
  const auto answer = authenticator_.admit(limited);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 429);
  EXPECT_NE(answer->body.find(R"("retry_after_seconds":40)"), std::string::npos) << answer->body;
  EXPECT_THAT(answer->headers, testing::Contains(Header{"Retry-After", "40"}));
}

TEST_F(AuthenticatorTest, OfManyGuessesAtOnceNoMoreAreLookedAt) {
  std::vector<std::thread> guessers;
  std::atomic<int> looked_at = 0;
  for (int i = 0; i < 32; ++i) {
    guessers.emplace_back([&, i] {
      Request guess = request("GET", "/", basic("alice:" + digits(i)));
      looked_at += authenticator_.admit(guess)->status == 401 ? 1 : 0;
    });
  }
  for (std::thread& guesser : guessers) {
    guesser.join();
  }
  EXPECT_EQ(looked_at, LoginLimits::kAllowed);
}

TEST_F(AuthenticatorTest, AReloadForgetsPasswordsThatWereRight) {
  EXPECT_EQ(status(request("GET", "/", kAlice)), 0);
  Logins logins;
  logins.users.push_back(
      {"alice", ::crypt("another", "$2b$04$abcdefghijklmnopqrstuu"), Role::kViewer, {}});
  authenticator_.set(logins);
  EXPECT_EQ(status(request("GET", "/", kAlice)), 401);
  authenticator_.set({});
  EXPECT_EQ(status(request("GET", "/", kAlice)), 401);
}

TEST_F(AuthenticatorTest, ChangesComeFromHereAndAreJson) {
  Request foreign = request("POST", "/api/v1/x", "Bearer token");
  foreign.headers.emplace_back("Origin", "https://elsewhere");
  EXPECT_EQ(status(foreign), 403);
  Request null = request("POST", "/api/v1/x", "Bearer token");
  null.headers.emplace_back("Origin", "null");
  EXPECT_EQ(status(null), 403);
  Request own = request("POST", "/api/v1/x", "Bearer token");
  own.headers.emplace_back("Origin", "http://host:1");
  EXPECT_EQ(status(own), 0);
  Request site = request("POST", "/api/v1/x", "Bearer token");
  site.headers.emplace_back("Sec-Fetch-Site", "cross-site");
  EXPECT_EQ(status(site), 403);
  Request form = request("POST", "/api/v1/x", "Bearer token");
  form.headers.front().second = "application/x-www-form-urlencoded";
  EXPECT_EQ(status(form), 415);
  Request unknown = request("DELETE", "/api/v1/x", "Bearer token");
  unknown.headers.erase(unknown.headers.begin());
  EXPECT_EQ(status(unknown), 0);  // the router knows what the path answers
  Request charset = request("POST", "/api/v1/x", "Bearer token");
  charset.headers.front().second = "application/json; charset=utf-8";
  EXPECT_EQ(status(charset), 0);
}

}  // namespace
}  // namespace kvmtsc::http
