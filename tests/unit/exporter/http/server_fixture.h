// A server with a few handlers on private addresses, for the server tests.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "exporter/http/server.h"
#include "tests/fakes/http_client.h"

namespace kvmtsc::http {

using namespace std::chrono_literals;
using fakes::http_get;
using fakes::http_request;
using fakes::HttpConnection;

class ServerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "kvmtsc-server-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    options_.listen = {"127.0.0.1:0"};
    options_.log = [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      lines_.push_back(line);
    };
    router_.add("GET", "/-/healthy", [](const Request&) { return text("healthy\n"); });
    router_.add("GET", "/long", [](const Request&) { return text(std::string(100000, 'a')); });
    router_.add("GET", "/huge", [](const Request&) { return text(std::string(8 << 20, 'h')); });
    router_.add("POST", "/echo", [](const Request& request) { return text(request.body); });
    router_.add("GET", "/peer", [](const Request& request) { return text(request.peer); });
    router_.add("GET", "/a b", [](const Request& request) { return text(request.query); });
    router_.add("GET", "/throws",
                [](const Request&) -> Response { throw std::runtime_error("secret"); });
    router_.add("GET", "/slow", [this](const Request&) {
      slow_started_ = true;
      std::this_thread::sleep_for(200ms);
      slow_ended_ = true;
      return text("slow");
    });
  }
  void TearDown() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  static Response text(std::string body) {
    Response response;
    response.body = std::move(body);
    return response;
  }

  void start() {
    auto server = Server::start(options_, router_);
    ASSERT_TRUE(server) << server.error().text();
    server_ = std::move(*server);
  }
  const std::string& address() const { return server_->addresses().front(); }

  std::chrono::milliseconds time_to_stop() {
    const auto before = std::chrono::steady_clock::now();
    server_.reset();
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 before);
  }

  std::vector<std::string> lines() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

  std::string directory_;
  ServerOptions options_;
  Router router_;
  std::unique_ptr<Server> server_;
  std::atomic<bool> slow_started_ = false;
  std::atomic<bool> slow_ended_ = false;

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

}  // namespace kvmtsc::http
