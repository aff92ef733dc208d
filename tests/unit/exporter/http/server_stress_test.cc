// Clients that are silent, slow or many.
#include <dirent.h>
#include <sys/resource.h>

#include <algorithm>

#include "exporter/http/server.h"
#include "server_fixture.h"

namespace kvmtsc::http {
namespace {

constexpr const char* kGet = "GET /-/healthy HTTP/1.1\r\nHost: t\r\n\r\n";

std::vector<HttpConnection> connect_many(const std::string& address, int count,
                                         const std::string& bytes) {
  std::vector<HttpConnection> connections;
  for (int i = 0; i < count; ++i) {
    connections.emplace_back(address);
    EXPECT_TRUE(connections.back().connected()) << i;
    EXPECT_TRUE(connections.back().send(bytes));
  }
  return connections;
}

class SlowClientsTest : public ServerTest {
 protected:
  // The slowest of 20 probes, each on a connection of its own.
  std::chrono::milliseconds slowest_probe() {
    std::chrono::milliseconds slowest{0};
    for (int i = 0; i < 20; ++i) {
      const auto before = std::chrono::steady_clock::now();
      const auto reply = http_get(address(), "/-/healthy");
      EXPECT_TRUE(reply && reply->status == 200) << i;
      slowest = std::max(slowest, std::chrono::duration_cast<std::chrono::milliseconds>(
                                      std::chrono::steady_clock::now() - before));
    }
    RecordProperty("slowest_probe_ms", static_cast<int>(slowest.count()));
    return slowest;
  }
};

TEST_F(SlowClientsTest, AProbeIsAnsweredBeside200SilentClients) {
  start();
  const auto silent = connect_many(address(), 200, "");
  EXPECT_LT(slowest_probe(), 1s);
}

TEST_F(SlowClientsTest, AProbeIsAnsweredBeside200HalfRequests) {
  start();
  const auto heads = connect_many(address(), 100, "GET /-/healthy HTT");
  const auto bodies =
      connect_many(address(), 100, "POST /echo HTTP/1.1\r\nContent-Length: 60000\r\n\r\nx");
  EXPECT_LT(slowest_probe(), 1s);
}

TEST_F(SlowClientsTest, AProbeIsAnsweredBeside200IdleConnections) {
  start();
  auto idle = connect_many(address(), 200, kGet);
  EXPECT_LT(slowest_probe(), 1s);
  for (auto& connection : idle) {
    EXPECT_TRUE(connection.receive());
  }
}

TEST_F(SlowClientsTest, AProbeIsAnsweredBesideReadersThatDoNotRead) {
  start();
  std::vector<HttpConnection> readers;
  for (int i = 0; i < 7; ++i) {
    readers.emplace_back(address(), 4096);
    ASSERT_TRUE(readers.back().send("GET /huge HTTP/1.1\r\n\r\n"));
  }
  EXPECT_LT(slowest_probe(), 1s);
  EXPECT_EQ(readers[0].receive(false, 20s)->body.size(), std::size_t{8} << 20U);
}

TEST_F(SlowClientsTest, ARequestThatDoesNotEndIsCutOff) {
  options_.request_timeout = 300ms;
  start();
  HttpConnection silent(address());
  HttpConnection half(address());
  half.send("GET /-/healthy HTTP/1.1\r\nX: ");
  EXPECT_TRUE(silent.closed_within(2s));
  EXPECT_TRUE(half.closed_within(2s));
  // A byte now and then buys no more time.
  HttpConnection dripping(address());
  const auto before = std::chrono::steady_clock::now();
  while (!dripping.closed_within(50ms) && std::chrono::steady_clock::now() - before < 3s) {
    dripping.send("G");
  }
  EXPECT_LT(std::chrono::steady_clock::now() - before, 2s);
}

TEST_F(SlowClientsTest, ARequestInManyPiecesIsWhole) {
  start();
  HttpConnection connection(address());
  const std::string request = "POST /echo HTTP/1.1\r\nContent-Length: 6\r\n\r\npieces";
  for (const char c : request) {
    ASSERT_TRUE(connection.send(std::string(1, c)));
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_EQ(connection.receive()->body, "pieces");
}

TEST_F(SlowClientsTest, StopsAtOnceBesideSilentAndIdleClients) {
  options_.listen.push_back("unix:" + directory_.path() + "/socket");
  start();
  auto silent = connect_many(address(), 50, "");
  auto idle = connect_many(address(), 20, kGet);
  for (auto& connection : idle) {
    ASSERT_TRUE(connection.receive());
  }
  auto local = connect_many(server_->addresses().at(1), 10, "GET ");
  // Those before it have a worker too when this is answered; CivetWeb forgets at its stop what it
  // has accepted and not yet given to one, for the process's end to close.
  ASSERT_TRUE(http_get(server_->addresses().at(1), "/-/healthy"));
  const auto took = time_to_stop();
  RecordProperty("stop_ms", static_cast<int>(took.count()));
  EXPECT_LT(took, 1s);
  EXPECT_TRUE(silent[0].closed_within(1s));
  EXPECT_TRUE(idle[0].closed_within(1s));
  EXPECT_TRUE(local[0].closed_within(1s));
}

TEST_F(SlowClientsTest, StopWaitsForARunningHandlerAndNoLonger) {
  start();
  HttpConnection connection(address());
  connection.send("GET /slow HTTP/1.1\r\nConnection: close\r\n\r\n");
  while (!slow_started_) {
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_LT(time_to_stop(), 1s);
  EXPECT_TRUE(slow_ended_);
}

TEST_F(SlowClientsTest, StopDoesNotWaitForAReaderThatDoesNotRead) {
  start();
  HttpConnection reader(address(), 4096);
  reader.send("GET /huge HTTP/1.1\r\n\r\n");
  std::this_thread::sleep_for(100ms);
  EXPECT_LT(time_to_stop(), 1s);
}

TEST_F(SlowClientsTest, ServesManyClientsAtOnceAndLeaksNothing) {
  const auto count_fds = [] {
    int count = 0;
    DIR* directory = ::opendir("/proc/self/fd");
    while (::readdir(directory) != nullptr) {
      ++count;
    }
    ::closedir(directory);
    return count;
  };
  start();
  ASSERT_TRUE(http_get(address(), "/-/healthy"));
  server_.reset();
  const int before = count_fds();
  start();
  std::atomic<int> answered = 0;
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      HttpConnection kept(address());
      for (int j = 0; j < 50; ++j) {
        const auto once = http_get(address(), "/long");
        kept.send(kGet);
        const auto again = kept.receive();
        answered += once && once->body.size() == 100000 ? 1 : 0;
        answered += again && again->status == 200 ? 1 : 0;
      }
    });
  }
  for (auto& client : clients) {
    client.join();
  }
  EXPECT_EQ(answered, 800);
  server_.reset();
  EXPECT_EQ(count_fds(), before);
}

TEST_F(SlowClientsTest, SurvivesARunOutOfDescriptors) {
  start();
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit whole = limit;
  limit.rlim_cur = 80;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  {
    std::vector<UniqueFd> hoard;
    while (true) {
      UniqueFd fd(::dup(0));
      if (!fd.valid()) {
        break;
      }
      hoard.push_back(std::move(fd));
    }
    hoard.pop_back();  // one for the client; the server has none to accept it with
    const HttpConnection refused(address());
    std::this_thread::sleep_for(50ms);
  }
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &whole), 0);
  const auto reply = http_get(address(), "/-/healthy");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200);
}

}  // namespace
}  // namespace kvmtsc::http
