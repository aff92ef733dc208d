// The service as a process: how it starts, reloads and ends, and what it does without debugfs.
#include <signal.h>
#include <sys/socket.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "base/unique_fd.h"
#include "tests/integration/eventually.h"
#include "tests/integration/exporter.h"
#include "tests/integration/paths.h"
#include "tests/integration/process.h"
#include "tests/integration/requirements.h"

namespace kvmtsc::integration {
namespace {

constexpr Milliseconds kPatience{5000};
constexpr const char* kBadConfig = "sweep:\n  interval: 200ms\n  intervall: 1s\n";

class LifecycleTest : public testing::Test {
 protected:
  void start(const ExporterOptions& options = {}) {
    auto exporter = Exporter::start(options);
    ASSERT_OK(exporter);
    exporter_ = std::move(*exporter);
  }

  void expect_healthy() {
    const auto reply = exporter_->get("/-/healthy");
    ASSERT_OK(reply);
    EXPECT_EQ(reply->status, 200) << reply->body;
  }

  void expect_clean_end_within_a_second() {
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_OK(exporter_->process().send_signal(SIGTERM));
    const auto status = exporter_->process().wait_exit(Milliseconds{1000});
    ASSERT_OK(status);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    EXPECT_LT(took.count(), 1.0);
    EXPECT_EQ(status->signal, 0);
    EXPECT_EQ(status->code, 0);
  }

  std::unique_ptr<Exporter> exporter_;
};

UniqueFd socket_on_loopback(sockaddr_in& address, std::uint16_t port) {
  address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

TEST_F(LifecycleTest, EndsOnSigterm) {
  ASSERT_NO_FATAL_FAILURE(start());
  expect_healthy();
  expect_clean_end_within_a_second();
}

TEST_F(LifecycleTest, EndsOnSigtermWhileAClientIsSilent) {
  ASSERT_NO_FATAL_FAILURE(start());
  sockaddr_in address{};
  const UniqueFd client = socket_on_loopback(address, exporter_->port());
  ASSERT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  expect_clean_end_within_a_second();
}

TEST_F(LifecycleTest, RefusesABadConfigurationOnPostAndGoesOn) {
  ASSERT_NO_FATAL_FAILURE(start());
  const std::pair<std::string, std::string> cases[] = {
      {kBadConfig, "intervall"},                             // the key
      {"sweep:\n  interval: [1s\n", "not YAML"},             // malformed
      {std::string("log: {level: \xFF\xFE}\n"), "UTF-8"},    // not text
      {"sweep: {interval: 1ns}\n", "sweep.interval"},        // out of range
      {"identity: {rules: [{pattern: '('}]}\n", "pattern"},  // no regular expression
  };
  for (const auto& [config, expected] : cases) {
    exporter_->rewrite_config(config);
    const auto refused = exporter_->post("/-/reload");
    ASSERT_OK(refused);
    EXPECT_GE(refused->status, 400) << config;
    EXPECT_NE(refused->body.find(expected), std::string::npos) << refused->body;
    expect_healthy();
  }

  exporter_->rewrite_config("sweep:\n  interval: 300ms\n");
  const auto taken = exporter_->post("/-/reload");
  ASSERT_OK(taken);
  EXPECT_EQ(taken->status, 200) << taken->body;
  expect_healthy();
}

TEST_F(LifecycleTest, RefusesABadConfigurationOnSighupAndGoesOn) {
  ASSERT_NO_FATAL_FAILURE(start());
  const auto last_sweep = [this] {
    const auto samples = exporter_->metrics();
    return samples ? samples->value("kvm_tsc_last_sweep_timestamp_seconds") : std::nullopt;
  };
  exporter_->rewrite_config(kBadConfig);
  ASSERT_OK(exporter_->process().send_signal(SIGHUP));
  const auto line = exporter_->process().find_error_line("intervall", kPatience);
  ASSERT_OK(line);
  expect_healthy();
  const auto then = last_sweep();
  EXPECT_TRUE(eventually(kPatience, [&] { return last_sweep() > then; }))
      << "the sweeps have stopped";
}

TEST_F(LifecycleTest, RefusesABadConfigurationAtTheStart) {
  auto process = Exporter::start({kBadConfig, {}});
  ASSERT_FALSE(process.ok());
  EXPECT_NE(process.error().text().find("intervall"), std::string::npos) << process.error().text();
}

TEST_F(LifecycleTest, RefusesToServeWithoutTheWebConfigurationAskedFor) {
  for (const char* more : {"--web.listen-address=127.0.0.1:0", "--config.check"}) {
    const auto ended = run_program(
        {product_program("kvm-tsc-exporter"), "--web.config.file=web.yml", more}, "", kPatience);
    ASSERT_OK(ended);
    EXPECT_NE(ended->status.code, 0) << more;
    EXPECT_NE(ended->error_output.find("web.config.file"), std::string::npos)
        << ended->error_output;
  }
}

TEST_F(LifecycleTest, SaysThatThePortIsInUse) {
  sockaddr_in address{};
  const UniqueFd taken = socket_on_loopback(address, 0);
  socklen_t length = sizeof(address);
  ASSERT_EQ(::bind(taken.get(), reinterpret_cast<sockaddr*>(&address), length), 0);
  ASSERT_EQ(::listen(taken.get(), 1), 0);
  ASSERT_EQ(::getsockname(taken.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
  const std::string listen = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));

  const auto ended = run_program(
      {product_program("kvm-tsc-exporter"), "--web.listen-address=" + listen}, "", kPatience);
  ASSERT_OK(ended);
  EXPECT_EQ(ended->status.signal, 0);
  EXPECT_NE(ended->status.code, 0);
  EXPECT_NE(ended->error_output.find(listen), std::string::npos) << ended->error_output;
  EXPECT_NE(ended->error_output.find("in use"), std::string::npos) << ended->error_output;
}

TEST_F(LifecycleTest, ServesWithoutDebugfsAndSaysSo) {
  ExporterOptions options;
  options.flags = {"--path.debugfs=/nonexistent/debugfs"};
  ASSERT_NO_FATAL_FAILURE(start(options));
  EXPECT_TRUE(eventually(kPatience, [this] {
    const auto samples = exporter_->metrics();
    return samples && samples->value("kvm_tsc_collector_success", {{"collector", "debugfs"}}) == 0;
  })) << "kvm_tsc_collector_success{collector=\"debugfs\"} is not 0";
  expect_healthy();
  EXPECT_NE(exporter_->process().error_output().find("/nonexistent/debugfs"), std::string::npos)
      << exporter_->process().error_output();
}

}  // namespace
}  // namespace kvmtsc::integration
