#include "exporter/http/authenticator.h"

#include <crypt.h>

#include <gtest/gtest.h>

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
  EXPECT_EQ(authenticator_.failures(), 2u);
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

TEST_F(AuthenticatorTest, SlowsDownAnAddressThatGuesses) {
  for (int i = 0; i < Authenticator::kFailuresAllowed; ++i) {
    EXPECT_EQ(status(request("GET", "/", "Bearer guess")), 401);
  }
  EXPECT_EQ(status(request("GET", "/", "Bearer token")), 429);
  EXPECT_EQ(status(request("GET", "/metrics")), 0);  // who claims nothing is not guessing
  Request another = request("GET", "/", "Bearer token");
  another.peer = "10.0.0.2:1";
  EXPECT_EQ(status(another), 0);
  clock_.advance(std::chrono::minutes(1));
  EXPECT_EQ(status(request("GET", "/", "Bearer token")), 0);
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
