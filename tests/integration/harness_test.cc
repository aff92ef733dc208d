// The harness itself: what all other integration tests lean on.
#include <signal.h>

#include <chrono>
#include <string>

#include <gtest/gtest.h>

#include "tests/integration/exposition.h"
#include "tests/integration/http_client.h"
#include "tests/integration/paths.h"
#include "tests/integration/process.h"
#include "tests/integration/prometheus_server.h"
#include "tests/integration/qemu.h"
#include "tests/integration/requirements.h"

namespace kvmtsc::integration {
namespace {

constexpr Milliseconds kSoon{5000};

TEST(ProcessTest, GivesLinesAndTheExitStatus) {
  auto process = Process::start({"sh", "-c", "echo one; read x; echo got $x >&2; exit 7"});
  ASSERT_OK(process);
  const auto line = (*process)->read_line(kSoon);
  ASSERT_OK(line);
  EXPECT_EQ(*line, "one");
  ASSERT_OK((*process)->write_line("two"));
  const auto error_line = (*process)->find_error_line("two", kSoon);
  ASSERT_OK(error_line);
  EXPECT_EQ(*error_line, "got two");
  const auto status = (*process)->wait_exit(kSoon);
  ASSERT_OK(status);
  EXPECT_EQ(status->code, 7);
  EXPECT_EQ(status->signal, 0);
}

TEST(ProcessTest, WaitsNoLongerThanAsked) {
  auto process = Process::start({"sleep", "30"});
  ASSERT_OK(process);
  const auto line = (*process)->read_line(Milliseconds{50});
  ASSERT_FALSE(line.ok());
  EXPECT_EQ(line.error().kind, ErrorKind::kTimeout);
  const auto status = (*process)->wait_exit(Milliseconds{50});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::kTimeout);
}

TEST(ProcessTest, SaysThatTheProgramEndedAndWhatItComplainedOf) {
  auto process = Process::start({"sh", "-c", "echo no such luck >&2; exit 1"});
  ASSERT_OK(process);
  const auto line = (*process)->find_error_line("listening", kSoon);
  ASSERT_FALSE(line.ok());
  EXPECT_EQ(line.error().kind, ErrorKind::kGone);
  EXPECT_NE(line.error().text().find("no such luck"), std::string::npos);
}

TEST(ProcessTest, SaysThatNobodyReads) {
  auto process = Process::start({"true"});
  ASSERT_OK(process);
  ASSERT_OK((*process)->wait_exit(kSoon));
  EXPECT_FALSE((*process)->write_line("anyone?").ok());
}

TEST(ProcessTest, KillsWhatIgnoresSigterm) {
  pid_t pid = 0;
  {
    auto process =
        Process::start({"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"});
    ASSERT_OK(process);
    ASSERT_OK((*process)->read_line(kSoon));
    pid = (*process)->pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1) << "process " << pid << " is still there";
}

TEST(ProcessTest, RefusesAProgramThatIsNotThere) {
  EXPECT_FALSE(Process::start({"/nonexistent/program"}).ok());
}

TEST(ExpositionTest, UnescapesLabelsAndFindsSamples) {
  const auto samples = parse_exposition(
      "# HELP a_total x\n"
      "a_total{vm=\"a \\\"b\\\" \\\\n, {c}\\n\",vcpu=\"1\"} 3\n"
      "a_total{vm=\"z\",vcpu=\"1\"} 4 1700000000\n"
      "b 1.5e3\n"
      "# EOF\n");
  ASSERT_OK(samples);
  EXPECT_EQ(samples->value("a_total", {{"vm", "a \"b\" \\n, {c}\n"}}), 3);
  EXPECT_EQ(samples->value("a_total", {{"vm", "z"}, {"vcpu", "1"}}), 4);
  EXPECT_EQ(samples->value("b"), 1500);
  EXPECT_EQ(samples->find("a_total", {{"vcpu", "1"}}).size(), 2U);
  EXPECT_FALSE(samples->value("a_total").has_value()) << "two samples have no one value";
  EXPECT_FALSE(samples->value("c").has_value());
}

TEST(ExpositionTest, RefusesWhatIsNoSample) {
  for (const char* bad : {"novalue", "a{b=\"c} 1", "a{b=c} 1", "a{b=\"c\"}1", "{b=\"c\"} 1"}) {
    EXPECT_FALSE(parse_exposition(bad).ok()) << bad;
  }
}

TEST(QemuTest, BootsItsFirmwareOnKvm) {
  REQUIRE_KVM();
  REQUIRE_PROGRAM("qemu-system-x86_64");
  auto qemu = Qemu::start({"harness", "5c0a9e4e-6d53-4f0f-9d5e-6f2b1a0c7d11", 2});
  ASSERT_OK(qemu);
  const auto kvm = (*qemu)->qmp("query-kvm");
  ASSERT_OK(kvm);
  EXPECT_EQ((*kvm)["enabled"], true);
  const auto cpus = (*qemu)->qmp("query-cpus-fast");
  ASSERT_OK(cpus);
  EXPECT_EQ(cpus->size(), 2U);
}

TEST(PrometheusServerTest, AnswersQueries) {
  REQUIRE_PROMETHEUS("prometheus");
  const auto nobody = free_port();
  ASSERT_OK(nobody);
  auto server = PrometheusServer::start(*nobody);
  ASSERT_OK(server);
  const auto answer = (*server)->query("1 + 1");
  ASSERT_OK(answer);
  EXPECT_EQ((*server)->query("scalar(").ok(), false);
}

}  // namespace
}  // namespace kvmtsc::integration
