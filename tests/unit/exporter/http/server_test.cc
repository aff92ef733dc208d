#include "exporter/http/server.h"

#include <filesystem>

#include <gmock/gmock.h>

#include "server_fixture.h"

namespace kvmtsc::http {
namespace {

using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

TEST_F(ServerTest, AnswersOnIpv4) {
  start();
  EXPECT_THAT(address(), MatchesRegex("127\\.0\\.0\\.1:[1-9][0-9]*"));
  const auto reply = http_get(address(), "/-/healthy");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body, "healthy\n");
  EXPECT_EQ(reply->header("Content-Length"), "8");
  EXPECT_EQ(reply->header("Connection"), "close");
  EXPECT_TRUE(reply->header("Date"));
  EXPECT_FALSE(reply->header("Server"));
  EXPECT_THAT(http_get(address(), "/peer")->body, MatchesRegex("127\\.0\\.0\\.1:[1-9][0-9]*"));
}

TEST_F(ServerTest, SendsWhatIsSharedBeforeTheRest) {
  const auto shared = std::make_shared<const std::string>(std::size_t{4} << 20U, 's');
  router_.add("GET", "/shared", [&](const Request&) {
    Response response = text("and the rest");
    response.shared = shared;
    return response;
  });
  options_.listen.push_back("unix:" + directory_.path() + "/socket");
  start();
  for (const std::string& listening : server_->addresses()) {
    HttpConnection connection(listening);
    for (int i = 0; i < 2; ++i) {
      connection.send("HEAD /shared HTTP/1.1\r\n\r\n");
      const auto head = connection.receive(true);
      ASSERT_TRUE(head);
      EXPECT_EQ(head->header("Content-Length"), std::to_string(shared->size() + 12));
      connection.send("GET /shared HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n");
      const auto reply = connection.receive();
      ASSERT_TRUE(reply);
      EXPECT_EQ(reply->body, *shared + "and the rest");
      EXPECT_FALSE(reply->header("Content-Encoding"));
    }
  }
}

TEST_F(ServerTest, AnswersOnIpv6) {
  options_.listen = {"[::1]:0"};
  auto server = Server::start(options_, router_);
  if (!server && server.error().message.find("[::1]") != std::string::npos) {
    GTEST_SKIP() << "this machine has no IPv6 loopback: " << server.error().text();
  }
  ASSERT_TRUE(server) << server.error().text();
  server_ = std::move(*server);
  EXPECT_THAT(address(), MatchesRegex("\\[::1\\]:[1-9][0-9]*"));
  EXPECT_EQ(http_get(address(), "/-/healthy")->status, 200);
  EXPECT_THAT(http_get(address(), "/peer")->body, MatchesRegex("\\[::1\\]:[1-9][0-9]*"));
}

TEST_F(ServerTest, AnswersOnAUnixSocketAndRemovesIt) {
  // CivetWeb would take the 1s for a port with TLS, the 2r for one that redirects.
  const std::string path = directory_.path() + "/1st 2r 3s";
  options_.listen = {"unix:" + path, "127.0.0.1:0"};
  start();
  EXPECT_EQ(address(), "unix:" + path);
  EXPECT_EQ(http_get(address(), "/-/healthy")->status, 200);
  EXPECT_EQ(http_get(address(), "/peer")->body, "unix");
  EXPECT_EQ(http_request(address(), "POST", "/echo", {}, std::string(60000, 'e'))->body.size(),
            60000U);
  EXPECT_EQ(http_get(server_->addresses().at(1), "/-/healthy")->status, 200);
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(ServerTest, OneBadAddressAndNoneListens) {
  start();
  const std::string path = directory_.path() + "/socket";
  ServerOptions second = options_;
  second.listen = {"unix:" + path, address()};
  const auto server = Server::start(second, router_);
  ASSERT_FALSE(server);
  EXPECT_THAT(server.error().message, HasSubstr(address()));
  EXPECT_FALSE(server.error().remedy.empty());
  EXPECT_FALSE(std::filesystem::exists(path));
  second.listen = {"127.0.0.1:0", "nonsense"};
  EXPECT_EQ(Server::start(second, router_).error().kind, ErrorKind::kInvalid);
  second.listen = {};
  EXPECT_EQ(Server::start(second, router_).error().kind, ErrorKind::kInvalid);
}

TEST_F(ServerTest, HeadHasTheLengthOfGetAndNoBody) {
  start();
  for (const fakes::Headers& headers : {fakes::Headers{}, {{"Accept-Encoding", "gzip"}}}) {
    const auto get = http_get(address(), "/long", headers);
    const auto head = http_request(address(), "HEAD", "/long", headers);
    ASSERT_TRUE(get && head);
    EXPECT_EQ(head->status, 200);
    EXPECT_EQ(head->header("Content-Length"), get->header("Content-Length"));
  }
  HttpConnection connection(address());
  connection.send("HEAD /long HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(connection.receive(true));
  EXPECT_FALSE(connection.receive(false, 300ms)) << "bytes after the answer to HEAD";
}

TEST_F(ServerTest, CompressesForThoseWhoAcceptIt) {
  start();
  const auto packed = http_get(address(), "/long", {{"Accept-Encoding", "gzip"}});
  EXPECT_EQ(packed->header("Content-Encoding"), "gzip");
  EXPECT_EQ(packed->header("Vary"), "Accept-Encoding");
  EXPECT_LT(packed->body.size(), 2000U);
  const auto plain = http_get(address(), "/long", {{"Accept-Encoding", "identity"}});
  EXPECT_FALSE(plain->header("Content-Encoding"));
  EXPECT_EQ(plain->header("Vary"), "Accept-Encoding");
  EXPECT_EQ(plain->body.size(), 100000U);
}

TEST_F(ServerTest, KeepsAConnectionForTheNextRequest) {
  options_.idle_timeout = 400ms;
  start();
  HttpConnection connection(address());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(connection.send("GET /-/healthy HTTP/1.1\r\nHost: t\r\n\r\n"));
    const auto reply = connection.receive();
    ASSERT_TRUE(reply) << i;
    EXPECT_EQ(reply->header("Connection"), "keep-alive");
  }
  ASSERT_TRUE(connection.send("POST /echo HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"));
  EXPECT_EQ(connection.receive()->body, "body");
  ASSERT_TRUE(connection.send("GET /nowhere HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(connection.receive()->header("Connection"), "keep-alive");
  EXPECT_FALSE(connection.closed_within(200ms));
  EXPECT_TRUE(connection.closed_within(1s));
}

TEST_F(ServerTest, EndsAConnectionWhenAskedTo) {
  start();
  for (const char* request : {"GET /-/healthy HTTP/1.1\r\nConnection: foo, Close\r\n\r\n",
                              "GET /-/healthy HTTP/1.0\r\n\r\n"}) {
    HttpConnection connection(address());
    connection.send(request);
    EXPECT_EQ(connection.receive()->header("Connection"), "close");
    EXPECT_TRUE(connection.closed_within(1s));
  }
  HttpConnection old(address());
  old.send("GET /-/healthy HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_EQ(old.receive()->header("Connection"), "keep-alive");
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  start();
  HttpConnection connection(address());
  connection.send("GET /-/healthy HTTP/1.1\r\n\r\nGET /long HTTP/1.1\r\nConnection: close\r\n\r\n");
  const auto first = connection.receive();
  const auto second = connection.receive();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->body, "healthy\n");
  EXPECT_EQ(second->body.size(), 100000U);
}

TEST_F(ServerTest, RoutesTheDecodedPathAndNothingNearIt) {
  start();
  EXPECT_EQ(http_get(address(), "/%61%20b?x=%41&y")->body, "x=%41&y");
  EXPECT_EQ(http_get(address(), "/%2d/healthy")->status, 200);
  for (const char* target : {"/-/healthy/", "/-/./healthy", "/x/../-/healthy", "/-%2fhealthy",
                             "/%2e%2e/%2e%2e/etc/passwd", "//-/healthy", "/"}) {
    EXPECT_EQ(http_get(address(), target)->status, 404) << target;
  }
  for (const char* target : {"/%zz", "/%00", "/-/healthy%0d%0aX: y", "/%"}) {
    EXPECT_EQ(http_get(address(), target)->status, 400) << target;
  }
}

TEST_F(ServerTest, LeavesTheServerAsAWholeAndOtherServersUnanswered) {
  start();
  EXPECT_FALSE(http_request(address(), "OPTIONS", "*"));
  EXPECT_FALSE(http_get(address(), "*"));
  EXPECT_FALSE(http_get(address(), "http://example.org/-/healthy"));
  EXPECT_EQ(http_get(address(), "/-/healthy")->status, 200);
}

TEST_F(ServerTest, TakesAnAbsoluteTarget) {
  start();
  EXPECT_EQ(http_get(address(), "http://" + address() + "/-/healthy")->status, 200);
}

TEST_F(ServerTest, NeverAnswersACorsPreflightByItself) {
  start();
  const auto reply =
      http_request(address(), "OPTIONS", "/-/healthy",
                   {{"Origin", "http://evil.example"}, {"Access-Control-Request-Method", "POST"}});
  EXPECT_EQ(reply->status, 204);
  EXPECT_EQ(reply->header("Allow"), "GET, HEAD, OPTIONS");
  for (const auto& [name, value] : reply->headers) {
    EXPECT_THAT(name, testing::Not(StartsWith("Access-Control"))) << value;
  }
}

TEST_F(ServerTest, AnotherMethodIs405) {
  start();
  const auto reply = http_request(address(), "DELETE", "/-/healthy");
  EXPECT_EQ(reply->status, 405);
  EXPECT_EQ(reply->header("Allow"), "GET, HEAD, OPTIONS");
}

TEST_F(ServerTest, TakesABodyUpToTheLimit) {
  start();
  const std::string most(options_.max_body_bytes, 'b');
  EXPECT_EQ(http_request(address(), "POST", "/echo", {}, most)->body, most);
  const auto refused = http_request(address(), "POST", "/echo", {}, most + "b");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 413);
  EXPECT_EQ(refused->header("Connection"), "close");
  EXPECT_EQ(http_request(address(), "POST", "/echo", {}, std::string(8 << 20, 'b'))->status, 413);
}

TEST_F(ServerTest, TellsAtOnceThatItMeetsNoExpectation) {
  start();
  HttpConnection connection(address());
  connection.send("POST /echo HTTP/1.1\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  const auto reply = connection.receive(false, 500ms);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 417);
}

TEST_F(ServerTest, RefusesAnUnclearBody) {
  start();
  for (const char* headers :
       {"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "Transfer-Encoding: gzip\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody!",
        "Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody", "Content-Length: 4x\r\n\r\nbody",
        "Content-Length: -4\r\n\r\nbody", "Content-Length: x\r\n\r\nbody",
        "Content-Length: 99999999999999999999999\r\n\r\nbody"}) {
    HttpConnection connection(address());
    connection.send(std::string("POST /echo HTTP/1.1\r\nHost: t\r\n") + headers);
    const auto reply = connection.receive();
    ASSERT_TRUE(reply) << headers;
    EXPECT_GE(reply->status, 400) << headers;
    EXPECT_LT(reply->status, 500) << headers;
    EXPECT_EQ(reply->header("Connection"), "close") << headers;
  }
}

TEST_F(ServerTest, ABodyThatEndsEarlyIsRefused) {
  start();
  HttpConnection connection(address());
  connection.send("POST /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\nbody");
  connection.finish_sending();
  EXPECT_EQ(connection.receive(false, 1s)->status, 400);
}

TEST_F(ServerTest, RefusesAFloodOfHeaders) {
  start();
  HttpConnection connection(address());
  connection.send("GET /-/healthy HTTP/1.1\r\n");
  for (int i = 0; i < 10000; ++i) {
    if (!connection.send("X-" + std::to_string(i) + ": flood\r\n")) {
      break;
    }
  }
  const auto reply = connection.receive();
  ASSERT_TRUE(reply);
  EXPECT_GE(reply->status, 400);
  EXPECT_TRUE(connection.closed_within(2s));
  HttpConnection many(address());  // few bytes, but more fields than there is room for
  std::string fields;
  for (int i = 0; i < 500; ++i) {
    fields += "a:b\r\n";
  }
  many.send("GET /-/healthy HTTP/1.1\r\n" + fields + "\r\n");
  const auto too_many = many.receive();
  ASSERT_TRUE(too_many);
  EXPECT_EQ(too_many->status, 431);
  HttpConnection line(address());
  line.send("GET /" + std::string(20000, 'a') + " HTTP/1.1\r\n\r\n");
  const auto refused = line.receive();
  ASSERT_TRUE(refused);
  EXPECT_GE(refused->status, 400);
  EXPECT_EQ(http_get(address(), "/-/healthy")->status, 200);
}

TEST_F(ServerTest, SurvivesGarbage) {
  start();
  using namespace std::string_literals;
  for (const std::string& bytes :
       {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s, "\0\0\0\0"s, "garbage\r\n\r\n"s,
        "GET\r\n\r\n"s, "GET /\r\n\r\n"s, "GET / HTTP/9.9\r\n\r\n"s, "GET / HTTP/2.0\r\n\r\n"s,
        " / HTTP/1.1\r\n\r\n"s, "GET  HTTP/1.1\r\n\r\n"s, "GET / HTTP/1.1\r\nno colon\r\n\r\n"s,
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"s, "\xff\xfe\xfd\r\n\r\n"s, "\r\n\r\n"s,
        "GET / HTTP/1.1\r\n: x\r\n\r\n"s, "BREW /pot HTTP/1.1\r\n\r\n"s}) {
    HttpConnection connection(address());
    connection.send(bytes);
    connection.finish_sending();
    const auto reply = connection.receive(false, 1s);
    if (reply) {
      EXPECT_GE(reply->status, 400) << bytes;
      EXPECT_THAT(reply->body, StartsWith("{\"type\":\"about:blank\"")) << bytes;
      EXPECT_EQ(reply->body.find("CivetWeb"), std::string::npos);
      EXPECT_EQ(reply->header("Content-Type"), "application/problem+json");
    }
    EXPECT_TRUE(connection.closed_within(1500ms)) << bytes;
  }
  EXPECT_EQ(http_get(address(), "/-/healthy")->status, 200);
}

TEST_F(ServerTest, WhatAHandlerThrowsGoesToTheLogOnly) {
  start();
  const auto reply = http_get(address(), "/throws");
  EXPECT_EQ(reply->status, 500);
  EXPECT_EQ(reply->body.find("secret"), std::string::npos);
  EXPECT_EQ(lines(), (std::vector<std::string>{"GET /throws failed: secret"}));
}

TEST_F(ServerTest, SeveralServersStandSideBySide) {
  start();
  const auto other = Server::start(options_, Router());
  ASSERT_TRUE(other);
  EXPECT_EQ(http_get((*other)->addresses().front(), "/-/healthy")->status, 404);
  EXPECT_EQ(http_get(address(), "/-/healthy")->status, 200);
}

}  // namespace
}  // namespace kvmtsc::http
