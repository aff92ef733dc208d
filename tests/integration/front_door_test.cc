// Clients that mean ill, or know no better, at the service's TLS port. What the server does with
// each over plain HTTP is tested in tests/unit/exporter/http.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/integration/exporter.h"
#include "tests/integration/requirements.h"
#include "tests/integration/tls_client.h"
#include "tests/integration/tls_demo.h"

namespace kvmtsc::integration {
namespace {

using fakes::Headers;
using fakes::HttpConnection;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr const char* kPlans = "/api/v1/vms/sim-skewed/plans";
// An operator, and the sha256 of its token.
constexpr const char* kToken = "Bearer acts";
constexpr const char* kLogins = R"(kvm_tsc:
  tokens:
    - name: acts
      sha256: 0b19c278ddd6476dfa18b5f7b6e8f1f8797f1fa8c465270bfd94886c92445e52
      role: operator
)";

// So many clients at all times: who is cut off comes back at once.
class Crowd {
 public:
  Crowd(int count, const std::function<void()>& visit) {
    for (int i = 0; i < count; ++i) {
      clients_.emplace_back([this, visit] {
        while (!over_) {
          visit();
        }
      });
    }
    std::this_thread::sleep_for(2s);  // longer than the server bears with one
  }
  ~Crowd() {
    over_ = true;
    for (auto& client : clients_) {
      client.join();
    }
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

 private:
  std::atomic<bool> over_ = false;
  std::vector<std::thread> clients_;
};

class RateLimitedDoorTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_.write("web.yml", "rate_limit:\n  interval: 1h\n  burst: 3\n");
    ExporterOptions options;
    options.flags = {"--web.config.file=" + directory_.path() + "/web.yml"};
    auto exporter = Exporter::start(options);
    ASSERT_OK(exporter);
    exporter_ = *std::move(exporter);
  }
  int status(const std::string& target) const {
    const auto reply = exporter_->get(target);
    EXPECT_OK(reply);
    return reply ? reply->status : 0;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Exporter> exporter_;
};

TEST_F(RateLimitedDoorTest, AnswersABurstAndThenSaysWhenToComeBack) {
  for (const int expected : {200, 200, 200, 429, 429}) {
    EXPECT_EQ(status("/metrics"), expected);
  }
  EXPECT_EQ(status("/nowhere"), 429);
  const auto reply = exporter_->get("/metrics");
  ASSERT_OK(reply);
  const auto wait = reply->header("Retry-After");
  ASSERT_TRUE(wait);
  EXPECT_GT(std::stoi(*wait), 3500);
  EXPECT_LE(std::stoi(*wait), 3600);
  EXPECT_EQ(reply->header("Content-Type"), "application/problem+json");
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(status("/-/healthy"), 200);
    EXPECT_NE(status("/-/ready"), 429);
  }
}

TEST_F(RateLimitedDoorTest, TakesUpAnotherRate) {
  for (const int expected : {200, 200, 200, 429}) {
    EXPECT_EQ(status("/metrics"), expected);
  }
  directory_.write("web.yml", "rate_limit:\n  interval: 0\n");
  ASSERT_OK(exporter_->process().send_signal(SIGHUP));
  ASSERT_OK(exporter_->process().find_error_line("configuration reloaded", milliseconds{10000}));
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(status("/metrics"), 200);
  }
}

class FrontDoorTest : public testing::Test {
 protected:
  void SetUp() override {
    REQUIRE_PROGRAM("openssl");
    auto demo = TlsDemo::start(kLogins);
    ASSERT_OK(demo);
    demo_ = *std::move(demo);
  }

  // The status of a plan asked for by an operator; 0 where there is no answer.
  int plan(const std::string& body, Headers headers) const {
    headers.emplace_back("Authorization", kToken);
    const auto reply = demo_->ask("POST", kPlans, headers, body);
    EXPECT_OK(reply);
    return reply ? reply->status : 0;
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(demo_->port()); }

  // The slowest of so many probes of each kind, each on a connection of its own.
  milliseconds slowest_probe(int count) const {
    milliseconds slowest{0};
    for (int i = 0; i < count; ++i) {
      for (const char* path : {"/-/healthy", "/-/ready"}) {
        const auto before = steady_clock::now();
        const auto reply = demo_->ask("GET", path);
        EXPECT_OK(reply);
        EXPECT_EQ(reply ? reply->status : 0, 200) << path;
        slowest = std::max(slowest,
                           std::chrono::duration_cast<milliseconds>(steady_clock::now() - before));
      }
    }
    RecordProperty("slowest_probe_ms", static_cast<int>(slowest.count()));
    return slowest;
  }

  // Until the server ends it.
  void sit_silent() const {
    HttpConnection connection(address());
    EXPECT_TRUE(connection.closed_within(20s));
  }
  void sit_silent_after_the_handshake() const {
    const auto connection = demo_->client().connect(demo_->port());
    EXPECT_OK(connection);
    EXPECT_TRUE(!connection || (*connection)->closed_within(20s));
  }

  std::unique_ptr<TlsDemo> demo_;
};

TEST_F(FrontDoorTest, SaysWhatIsWrongWithARequest) {
  const std::pair<std::string, std::string> json{"Content-Type", "application/json"};
  const std::string own = R"({"goal":"align"})";
  EXPECT_EQ(plan(own, {json}), 201);
  EXPECT_EQ(plan("{\"goal\":", {json}), 400);
  EXPECT_EQ(plan("\xff\xfe", {json}), 400);
  EXPECT_EQ(plan(std::string(60000, '['), {json}), 400);
  EXPECT_EQ(plan(own, {json, {"Origin", "https://elsewhere.example"}}), 403);
  EXPECT_EQ(plan(own, {json, {"Origin", "https://test"}}), 201);
  EXPECT_EQ(plan(own, {{"Content-Type", "text/plain"}}), 415);
  EXPECT_EQ(plan(own, {}), 415);
  EXPECT_EQ(plan(std::string(64 * 1024, ' '), {json}), 400);
  EXPECT_EQ(plan(std::string(64 * 1024 + 1, ' '), {json}), 413);
  Headers flood{json};
  for (int i = 0; i < 70; ++i) {
    flood.emplace_back("X-" + std::to_string(i), "x");
  }
  EXPECT_EQ(plan(own, flood), 431);
  EXPECT_EQ(plan(own, {json, {"X", std::string(20000, 'x')}}), 400);
}

TEST_F(FrontDoorTest, CutsOffAClientThatIsSlow) {
  const auto slow = demo_->client().connect(demo_->port());
  ASSERT_OK(slow);
  const auto before = steady_clock::now();
  // A byte of the head now and then buys no more time.
  do {
    (*slow)->send("G");
  } while (!(*slow)->closed_within(500ms) && steady_clock::now() - before < 10s);
  EXPECT_LT(steady_clock::now() - before, 4s);
}

TEST_F(FrontDoorTest, CutsOffAHandshakeThatIsSlow) {
  // A ClientHello of 512 bytes that never comes to its end (RFC 8446, 5.1 and 4).
  const std::string hello{"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11};
  HttpConnection slow(address());
  const auto before = steady_clock::now();
  std::size_t next = 0;
  do {
    slow.send(next < hello.size() ? hello.substr(next, 1) : "x");
    ++next;
  } while (!slow.closed_within(500ms) && steady_clock::now() - before < 10s);
  EXPECT_LT(steady_clock::now() - before, 4s);
}

TEST_F(FrontDoorTest, AnswersProbesBeside200SilentTlsConnections) {
  const Crowd silent(200, [this] { sit_silent_after_the_handshake(); });
  EXPECT_LT(slowest_probe(20), 1s);
}

TEST_F(FrontDoorTest, AnswersProbesBeside200ConnectionsWithoutAHandshake) {
  const Crowd silent(200, [this] { sit_silent(); });
  EXPECT_LT(slowest_probe(20), 1s);
}

// More than there are workers: a probe waits until enough of them have been cut off, and no longer.
TEST_F(FrontDoorTest, AnswersProbesBeside200OfEach) {
  const Crowd plain(200, [this] { sit_silent(); });
  const Crowd silent(200, [this] { sit_silent_after_the_handshake(); });
  EXPECT_LT(slowest_probe(3), 4s);
}

}  // namespace
}  // namespace kvmtsc::integration
