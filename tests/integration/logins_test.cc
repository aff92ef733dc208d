// Who may do what, asked of the service over TLS. The demo's VMs stand in for real ones.
#include <signal.h>

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/integration/certificates.h"
#include "tests/integration/eventually.h"
#include "tests/integration/exporter.h"
#include "tests/integration/process.h"
#include "tests/integration/requirements.h"
#include "tests/integration/tls_client.h"
#include "tests/integration/tls_demo.h"

namespace kvmtsc::integration {
namespace {

using fakes::Headers;

constexpr Milliseconds kPatience{10000};
constexpr const char* kVm = "/api/v1/vms/sim-skewed";
constexpr const char* kAlign = R"({"goal":"align"})";

// The user's password is "right"; each token is its name, given here by its sha256.
constexpr const char* kLogins = R"(basic_auth_users:
  prometheus: $2y$10$abcdefghijklmnopqrstuu1VS0P7v3ZJmd2gzBFIzgfN7OOl6Rl52
kvm_tsc:
  tokens:
    - name: looks
      sha256: 95d09b6231e6627f68a42cf844d9e928ac3f5df11c1a78025da84e22292955b1
      role: viewer
    - name: acts
      sha256: 0b19c278ddd6476dfa18b5f7b6e8f1f8797f1fa8c465270bfd94886c92445e52
      role: operator
    - name: acts-on-nested
      sha256: 4f5318a98ba35c0359c54456c44b4cb4cec5d0e410d99705b2d1457f9b4a3ebb
      role: operator
      vms: [sim-nested]
)";
// After kLogins.
constexpr const char* kOpened = "  require_auth: false\n";
constexpr const char* kHashOfLooks = "95d09b62";
// In base 64 (RFC 7617).
constexpr const char* kRight = "Basic cHJvbWV0aGV1czpyaWdodA==";
constexpr const char* kWrong = "Basic cHJvbWV0aGV1czp3cm9uZw==";
constexpr const char* kStranger = "Basic bWFsbG9yeTpyaWdodA==";

Headers as(const std::string& authorization) {
  return {{"Authorization", authorization}, {"Content-Type", "application/json"}};
}

class LoginsTest : public testing::Test {
 protected:
  void SetUp() override { REQUIRE_PROGRAM("openssl"); }

  void start(const std::string& logins) {
    auto demo = TlsDemo::start(logins);
    ASSERT_OK(demo);
    demo_ = *std::move(demo);
  }

  fakes::HttpReply ask(const char* method, const std::string& target, const Headers& headers = {},
                       const std::string& body = "") const {
    auto reply = demo_->ask(method, target, headers, body);
    EXPECT_OK(reply);
    return reply ? *std::move(reply) : fakes::HttpReply{};
  }
  int status(const char* method, const std::string& target, const Headers& headers = {},
             const std::string& body = "") const {
    return ask(method, target, headers, body).status;
  }
  void wait_for_a_skew() const {
    EXPECT_TRUE(eventually(kPatience, [this] {
      return nlohmann::json::parse(ask("GET", kVm, as("Bearer looks")).body)["spread_ticks"] !=
             nullptr;
    }));
  }

  std::unique_ptr<TlsDemo> demo_;
};

TEST_F(LoginsTest, UsersAreKnownByTheirPasswords) {
  ASSERT_NO_FATAL_FAILURE(start(kLogins));
  for (const char* path : {"/metrics", "/", kVm, "/api/v1/openapi.json"}) {
    const auto nobody = ask("GET", path);
    EXPECT_EQ(nobody.status, 401) << path;
    EXPECT_TRUE(nobody.header("WWW-Authenticate")) << path;
    EXPECT_EQ(status("GET", path, as(kRight)), 200) << path;
  }
  EXPECT_EQ(status("GET", "/metrics", as(kWrong)), 401);
  EXPECT_EQ(status("GET", "/metrics", as(kStranger)), 401);
  EXPECT_EQ(status("GET", "/metrics", as(kRight)), 200);
  EXPECT_EQ(status("GET", "/-/healthy"), 200);
  EXPECT_EQ(status("GET", "/-/ready"), 200);
  EXPECT_EQ(status("POST", std::string(kVm) + "/plans", as(kRight), kAlign), 403);
  EXPECT_EQ(status("POST", "/-/reload", as(kRight)), 403);
}

TEST_F(LoginsTest, WhoeverConfiguresOneClosesTheDoor) {
  const std::string logins = kLogins;
  const auto tokens = logins.find("kvm_tsc:");
  for (const std::string& file : {logins.substr(0, tokens), logins.substr(tokens)}) {
    ASSERT_NO_FATAL_FAILURE(start(file));
    for (const char* path : {"/metrics", "/", kVm, "/api/v1/openapi.json", "/nowhere"}) {
      EXPECT_EQ(status("GET", path), 401) << path;
    }
    EXPECT_EQ(status("POST", "/-/reload"), 401);
    EXPECT_EQ(status("GET", "/-/healthy"), 200);
    EXPECT_EQ(status("GET", "/-/ready"), 200);
  }
}

TEST_F(LoginsTest, ReadingIsOpenedByName) {
  ASSERT_NO_FATAL_FAILURE(start(std::string(kLogins) + kOpened));
  for (const char* path : {"/metrics", "/", kVm}) {
    EXPECT_EQ(status("GET", path), 200) << path;
  }
  EXPECT_EQ(status("GET", "/api/v1/audit"), 401);
  EXPECT_EQ(
      status("POST", std::string(kVm) + "/plans", {{"Content-Type", "application/json"}}, kAlign),
      401);
}

TEST_F(LoginsTest, TokensMayDoWhatTheirRolesAllow) {
  ASSERT_NO_FATAL_FAILURE(start(kLogins));
  ASSERT_NO_FATAL_FAILURE(wait_for_a_skew());
  const std::string corrections = std::string(kVm) + "/corrections";
  EXPECT_EQ(status("GET", "/metrics", as("Bearer looks")), 200);
  EXPECT_EQ(status("POST", corrections, as("Bearer looks"), kAlign), 403);
  EXPECT_EQ(status("POST", corrections, as("Bearer acts-on-nested"), kAlign), 403);
  EXPECT_EQ(status("POST", "/api/v1/vms/sim-nested/plans", as("Bearer acts-on-nested"), kAlign),
            201);
  EXPECT_EQ(status("POST", corrections, as("Bearer nobody"), kAlign), 401);

  const auto accepted = ask("POST", corrections, as("Bearer acts"), kAlign);
  ASSERT_EQ(accepted.status, 202) << accepted.body;
  nlohmann::json correction;
  EXPECT_TRUE(eventually(kPatience, [&] {
    correction =
        nlohmann::json::parse(ask("GET", *accepted.header("Location"), as("Bearer acts")).body);
    return correction["state"] == "done";
  }));
  EXPECT_EQ(correction["verdict"], "corrected") << correction;

  std::string story;
  const auto audit =
      nlohmann::json::parse(ask("GET", "/api/v1/audit?after=0", as("Bearer acts")).body)["events"];
  for (const auto& event : audit) {
    if (event["vm"] == "sim-skewed") {
      story += event["what"].get<std::string>() + " " + event["who"].get<std::string>() + "\n";
    }
  }
  EXPECT_EQ(story,
            "refused token:acts-on-nested\nplanned token:acts\nrequested token:acts\n"
            "applying token:acts\nwritten token:acts\nfinished token:acts\n");
}

TEST_F(LoginsTest, AScopeIsWhatIsSeenToo) {
  ASSERT_NO_FATAL_FAILURE(start(kLogins));
  ASSERT_NO_FATAL_FAILURE(wait_for_a_skew());
  const auto seen = parse_exposition(ask("GET", "/metrics", as("Bearer acts-on-nested")).body);
  const auto all = parse_exposition(ask("GET", "/metrics", as("Bearer acts")).body);
  ASSERT_OK(seen);
  ASSERT_OK(all);
  EXPECT_EQ(seen->value("kvm_tsc_vm_vcpus", {{"vm", "sim-skewed"}}), std::nullopt);
  EXPECT_TRUE(seen->value("kvm_tsc_vm_vcpus", {{"vm", "sim-nested"}}));
  EXPECT_TRUE(all->value("kvm_tsc_vm_vcpus", {{"vm", "sim-skewed"}}));
  for (const char* path : {"/", "/api/v1/vms", "/api/v1/audit", "/api/v1/corrections"}) {
    const auto page = ask("GET", path, as("Bearer acts-on-nested"));
    EXPECT_EQ(page.status, 200) << path;
    EXPECT_EQ(page.body.find("sim-skewed"), std::string::npos) << path;
  }
  EXPECT_NE(ask("GET", "/", as("Bearer acts")).body.find("sim-skewed"), std::string::npos);
  EXPECT_EQ(status("GET", kVm, as("Bearer acts-on-nested")), 404);
}

// Whoever guesses is limited; those who know better are served, behind the same address too.
TEST_F(LoginsTest, GuessesAreCountedAndSlowedDownAndStopNobodyElse) {
  ASSERT_NO_FATAL_FAILURE(start(kLogins));
  for (int i = 0; i < 100; ++i) {
    const auto guessed = ask("GET", "/metrics", as("Bearer guess" + std::to_string(i)));
    EXPECT_EQ(guessed.status, i < 5 ? 401 : 429) << i;
    EXPECT_EQ(status("GET", "/metrics", as("Bearer acts")), 200) << i;
    EXPECT_EQ(status("GET", "/metrics", as(kRight)), 200) << i;
  }
  const auto limited = ask("GET", "/metrics", as("Bearer guess"));
  const auto wait = nlohmann::json::parse(limited.body)["retry_after_seconds"].get<int>();
  EXPECT_GT(wait, 0);
  EXPECT_LE(wait, 60);
  EXPECT_EQ(limited.header("Retry-After"), std::to_string(wait));
  EXPECT_EQ(status("GET", "/-/healthy"), 200);
  const auto samples = parse_exposition(ask("GET", "/metrics", as("Bearer acts")).body);
  ASSERT_OK(samples);
  EXPECT_EQ(samples->value("kvm_tsc_login_failures_total", {}), 101);
  EXPECT_EQ(samples->value("kvm_tsc_login_lockouts_total", {}), 1);
}

// Even at the very password: the kernel tells the two apart behind the same address.
TEST_F(LoginsTest, AnotherUserOfThisHostWhoGuessesStopsNobody) {
  REQUIRE_ROOT();
  REQUIRE_PROGRAM("setpriv");
  REQUIRE_PROGRAM("curl");
  ASSERT_NO_FATAL_FAILURE(start(kLogins));
  const std::string url = "https://127.0.0.1:" + std::to_string(demo_->port()) + "/metrics";
  std::string answers;
  for (int i = 0; i < 8; ++i) {
    auto guess = Process::start({"setpriv", "--reuid=65534", "--clear-groups", "curl", "-sk", "-o",
                                 "/dev/null", "-w", "%{http_code}\n", "-u",
                                 "prometheus:guess" + std::to_string(i), url});
    ASSERT_OK(guess);
    const auto answer = (*guess)->read_line(kPatience);
    ASSERT_OK(answer);
    answers += *answer + " ";
  }
  EXPECT_EQ(answers, "401 401 401 401 401 429 429 429 ");
  EXPECT_NE(demo_->log().find("client=\"127.0.0.1 uid 65534\""), std::string::npos);
  EXPECT_EQ(status("GET", "/metrics", as(kRight)), 200);
}

TEST_F(LoginsTest, GuessesAreLoggedOnceWhenTheyBegin) {
  ASSERT_NO_FATAL_FAILURE(start(kLogins));
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(status("GET", "/metrics", as(kWrong)), i < 5 ? 401 : 429) << i;
  }
  const std::string log = demo_->log();
  for (const char* line : {"msg=\"login failed\"", "msg=\"logins limited\""}) {
    const auto first = log.find(line);
    ASSERT_NE(first, std::string::npos) << line << log;
    EXPECT_EQ(log.find(line, first + 1), std::string::npos) << log;
    const std::string rest = log.substr(first, log.find('\n', first) - first);
    EXPECT_NE(rest.find("client=\"127.0.0.1"), std::string::npos) << rest;
    EXPECT_NE(rest.find("name=\"prometheus\""), std::string::npos) << rest;
  }
}

TEST_F(LoginsTest, NobodyChangesAnythingOverTcp) {
  for (const std::string& logins : {std::string(), kLogins + std::string(kOpened)}) {
    ASSERT_NO_FATAL_FAILURE(start(logins));
    const Headers json{{"Content-Type", "application/json"}};
    for (const char* path : {"/plans", "/corrections"}) {
      EXPECT_EQ(status("POST", kVm + std::string(path), json, kAlign), 401) << path;
    }
    EXPECT_EQ(status("POST", "/api/v1/corrections/c-1/undo", json, "{}"), 401);
    EXPECT_EQ(status("PUT", kVm + std::string("/vcpus/0/tsc-offset"), json, R"({"offset":"1"})"),
              401);
    EXPECT_EQ(status("GET", "/api/v1/audit"), 401);
    EXPECT_EQ(status("GET", kVm), 200);
  }
}

TEST_F(LoginsTest, RootNeedsNoLoginOverTheUnixSocket) {
  REQUIRE_ROOT();
  ASSERT_NO_FATAL_FAILURE(start(kLogins));
  const auto planned = fakes::http_request(demo_->socket(), "POST", kVm + std::string("/plans"),
                                           {{"Content-Type", "application/json"}}, kAlign);
  ASSERT_TRUE(planned);
  EXPECT_EQ(planned->status, 201) << planned->body;
  const auto audit = fakes::http_get(demo_->socket(), "/api/v1/audit");
  ASSERT_TRUE(audit);
  EXPECT_EQ(nlohmann::json::parse(audit->body)["events"].front()["who"], "root");
  // Who says to be somebody is asked to prove it there, too.
  EXPECT_EQ(fakes::http_get(demo_->socket(), "/metrics", as("Bearer guess"))->status, 401);
}

class ReloadedLoginsTest : public testing::Test {
 protected:
  void write(const std::string& yaml) const { directory_.write("web.yml", yaml); }
  // Plain HTTP will do.
  int status_of(const std::string& token) const {
    const auto reply = exporter_->get("/metrics", as("Bearer " + token));
    return reply ? reply->status : 0;
  }

  double metric(const char* name) const {
    const auto reply = exporter_->get("/metrics", as("Bearer acts"));
    const auto samples = reply ? parse_exposition(reply->body) : Result<Samples>(reply.error());
    EXPECT_OK(samples);
    return samples ? samples->value(name, {}).value_or(-1) : -1;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Exporter> exporter_;
};

TEST_F(ReloadedLoginsTest, AreTakenWholeOrNotAtAll) {
  const std::string closed = std::string(kLogins) + "  require_auth: true\n";
  write(closed);
  ExporterOptions options;
  options.flags = {"--web.config.file=" + directory_.path() + "/web.yml"};
  auto exporter = Exporter::start(options);
  ASSERT_OK(exporter);
  exporter_ = *std::move(exporter);
  EXPECT_EQ(status_of("looks"), 200);

  write(closed + "  require_logins: true\n");
  ASSERT_OK(exporter_->process().send_signal(SIGHUP));
  ASSERT_OK(exporter_->process().find_error_line("the running one stays", kPatience));
  EXPECT_EQ(status_of("looks"), 200);

  // Nobody could log in, not even to find out why.
  write("kvm_tsc:\n  require_auth: true\n");
  ASSERT_OK(exporter_->process().send_signal(SIGHUP));
  ASSERT_OK(exporter_->process().find_error_line("nobody could log in", kPatience));
  EXPECT_EQ(status_of("looks"), 200);
  EXPECT_EQ(metric("kvm_tsc_config_last_reload_successful"), 0);
  const auto refused_since = metric("kvm_tsc_config_last_reload_success_timestamp_seconds");

  std::string changed = closed;
  changed.replace(changed.find(kHashOfLooks), 4, "0000");
  write(changed);
  ASSERT_OK(exporter_->process().send_signal(SIGHUP));
  EXPECT_TRUE(eventually(kPatience, [this] { return status_of("looks") == 401; }));
  EXPECT_EQ(metric("kvm_tsc_config_last_reload_successful"), 1);
  EXPECT_GT(metric("kvm_tsc_config_last_reload_success_timestamp_seconds"), refused_since);
}

}  // namespace
}  // namespace kvmtsc::integration
