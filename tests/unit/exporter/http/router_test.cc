#include "exporter/http/router.h"

#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

namespace kvmtsc::http {
namespace {

Handler answering(const std::string& body) {
  return [body](const Request&) {
    Response response;
    response.body = body;
    return response;
  };
}

Request request_for(const std::string& method, const std::string& path) {
  Request request;
  request.method = method;
  request.path = path;
  return request;
}

std::string allow(const Response& response) {
  for (const auto& [name, value] : response.headers) {
    if (name == "Allow") {
      return value;
    }
  }
  return "none";
}

class RouterTest : public testing::Test {
 protected:
  RouterTest() {
    router_.add("GET", "/", answering("root"));
    router_.add("GET", "/metrics", answering("metrics"));
    router_.add("POST", "/-/reload", answering("reload"));
    router_.add("GET", "/both", answering("get"));
    router_.add("POST", "/both", answering("post"));
  }
  Router router_;
};

TEST_F(RouterTest, MatchesMethodAndPath) {
  EXPECT_EQ(router_.route(request_for("GET", "/metrics")).body, "metrics");
  EXPECT_EQ(router_.route(request_for("POST", "/-/reload")).body, "reload");
  EXPECT_EQ(router_.route(request_for("GET", "/both")).body, "get");
  EXPECT_EQ(router_.route(request_for("POST", "/both")).body, "post");
}

TEST_F(RouterTest, MatchesWholePathsOnly) {
  for (const char* path :
       {"/metrics/", "/metricsx", "/metric", "//metrics", "/x/../metrics", "/./metrics", "/Metrics",
        "/metrics ", "metrics", "", "/-%2Freload", "/favicon.ico", "*"}) {
    const Response response = router_.route(request_for("GET", path));
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(response.content_type, "application/problem+json");
  }
}

TEST_F(RouterTest, HeadIsAnsweredByGetAlone) {
  EXPECT_EQ(router_.route(request_for("HEAD", "/metrics")).body, "metrics");
  EXPECT_EQ(router_.route(request_for("HEAD", "/-/reload")).status, 405);
}

TEST_F(RouterTest, AnotherMethodIsToldWhichAreAllowed) {
  for (const char* method : {"POST", "PUT", "DELETE", "TRACE", "get", "BREW"}) {
    const Response response = router_.route(request_for(method, "/metrics"));
    EXPECT_EQ(response.status, 405) << method;
    EXPECT_EQ(allow(response), "GET, HEAD, OPTIONS");
  }
  EXPECT_EQ(allow(router_.route(request_for("GET", "/-/reload"))), "OPTIONS, POST");
}

TEST_F(RouterTest, OptionsListsTheMethods) {
  const Response response = router_.route(request_for("OPTIONS", "/both"));
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(allow(response), "GET, HEAD, OPTIONS, POST");
  EXPECT_EQ(router_.route(request_for("OPTIONS", "/nowhere")).status, 404);
}

TEST_F(RouterTest, SegmentsInBracesStandForAnySegment) {
  const auto tell = [](const char* which) {
    return [which](const Request& request) {
      Response response;
      response.body = std::string(which) + ":" + request.parameter("vm") + ":" +
                      request.parameter("id") + ":" + request.parameter("none");
      return response;
    };
  };
  router_.add("GET", "/vms/{vm}", tell("vm"));
  router_.add("GET", "/vms/{vm}/vcpus/{id}", tell("vcpu"));
  router_.add("GET", "/vms/all", tell("all"));
  EXPECT_EQ(router_.route(request_for("GET", "/vms/web-1")).body, "vm:web-1::");
  EXPECT_EQ(router_.route(request_for("GET", "/vms/a%2Fb/vcpus/3")).body, "vcpu:a/b:3:");
  EXPECT_EQ(router_.route(request_for("GET", "/vms/a%252Fb")).body, "vm:a%2Fb::");
  EXPECT_EQ(router_.route(request_for("GET", "/vms/all")).body, "all:::");
  for (const char* path : {"/vms/", "/vms", "/vms/a/", "/vms/a/vcpus", "/vms/a/vcpus/1/2"}) {
    EXPECT_EQ(router_.route(request_for("GET", path)).status, 404) << path;
  }
  EXPECT_EQ(router_.route(request_for("POST", "/vms/x")).status, 405);
}

TEST_F(RouterTest, WhatAHandlerThrowsGoesToTheLogOnly) {
  router_.add("GET", "/throws",
              [](const Request&) -> Response { throw std::runtime_error("secret"); });
  router_.add("GET", "/odd", [](const Request&) -> Response { throw 1; });
  std::vector<std::string> lines;
  const LogLine log = [&](const std::string& line) { lines.push_back(line); };
  const Response response = router_.route(request_for("GET", "/throws"), log);
  EXPECT_EQ(response.status, 500);
  EXPECT_EQ(response.body.find("secret"), std::string::npos);
  EXPECT_EQ(router_.route(request_for("GET", "/odd"), log).status, 500);
  EXPECT_EQ(lines, (std::vector<std::string>{"GET /throws failed: secret",
                                             "GET /odd failed: an exception of unknown type"}));
  EXPECT_EQ(router_.route(request_for("GET", "/throws")).status, 500);  // nobody listens
}

}  // namespace
}  // namespace kvmtsc::http
