// The formats of /metrics, judged by Prometheus's own tools; on the simulated fleet, so that no KVM
// is needed.
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "tests/integration/eventually.h"
#include "tests/integration/exporter.h"
#include "tests/integration/paths.h"
#include "tests/integration/process.h"
#include "tests/integration/requirements.h"

namespace kvmtsc::integration {
namespace {

constexpr Milliseconds kPatience{10000};
// Debian's own, which is the one that its python3-prometheus-client serves.
constexpr const char* kPython = "/usr/bin/python3";
constexpr const char* kOpenMetrics = "application/openmetrics-text; version=1.0.0";

class FormatsTest : public testing::Test {
 protected:
  void start(const std::string& interval) {
    auto exporter = Exporter::start({"sweep:\n  interval: " + interval + "\n", {"--demo"}});
    ASSERT_OK(exporter);
    exporter_ = std::move(*exporter);
    ASSERT_TRUE(eventually(kPatience, [this] {
      const auto samples = exporter_->metrics();
      return samples && !samples->find("kvm_tsc_vm_info").empty();
    })) << "--demo exports no kvm_tsc_vm_info";
  }

  // Skew is there once two sweeps have agreed.
  void wait_for_skew() {
    ASSERT_TRUE(eventually(kPatience, [this] {
      const auto samples = exporter_->metrics();
      return samples && !samples->find("kvm_tsc_vcpu_skew_seconds").empty();
    })) << "--demo exports no kvm_tsc_vcpu_skew_seconds";
  }

  HttpReply get(const std::string& accept) {
    const auto reply = exporter_->get("/metrics", {{"Accept", accept}});
    EXPECT_TRUE(reply.ok()) << reply.error().text();
    return reply.ok() ? *reply : HttpReply{};
  }

  std::unique_ptr<Exporter> exporter_;
};

TEST_F(FormatsTest, PromtoolHasNoComplaintAboutTheText) {
  REQUIRE_PROMETHEUS("promtool");
  ASSERT_NO_FATAL_FAILURE(start("100ms"));
  ASSERT_NO_FATAL_FAILURE(wait_for_skew());
  const HttpReply reply = get("text/plain");
  EXPECT_EQ(reply.status, 200);
  EXPECT_TRUE(reply.headers.at("content-type").starts_with("text/plain; version=0.0.4"))
      << reply.headers.at("content-type");
  const auto checked =
      run_program({prometheus_program("promtool"), "check", "metrics"}, reply.body, kPatience);
  ASSERT_OK(checked);
  EXPECT_EQ(checked->status.code, 0);
  EXPECT_EQ(checked->output + checked->error_output, "");
}

TEST_F(FormatsTest, StrictParserReadsTheOpenMetrics) {
  REQUIRE_PROGRAM(kPython);
  const auto module = run_program({kPython, "-c", "import prometheus_client"}, "", kPatience);
  ASSERT_OK(module);
  if (module->status.code != 0) {
    GTEST_SKIP() << "missing: python3-prometheus-client (scripts/install-packages.sh test)";
  }
  ASSERT_NO_FATAL_FAILURE(start("100ms"));
  ASSERT_NO_FATAL_FAILURE(wait_for_skew());
  const HttpReply reply = get(kOpenMetrics);
  EXPECT_TRUE(reply.headers.at("content-type").starts_with(kOpenMetrics))
      << reply.headers.at("content-type");
  ASSERT_TRUE(reply.body.ends_with("# EOF\n"));
  // Without the newline that write_line adds, for nothing may follow # EOF.
  const auto checked = run_program({kPython, KVM_TSC_CHECK_OPENMETRICS},
                                   reply.body.substr(0, reply.body.size() - 1), kPatience);
  ASSERT_OK(checked);
  EXPECT_EQ(checked->status.code, 0) << checked->error_output;
  const auto samples = parse_exposition(reply.body);
  ASSERT_OK(samples);
  EXPECT_EQ(checked->output, std::to_string(samples->all().size()) + "\n");
}

// With one sweep an hour both scrapes show the same snapshot.
TEST_F(FormatsTest, BothFormatsCarryTheSameSamples) {
  ASSERT_NO_FATAL_FAILURE(start("1h"));
  using Key = std::pair<std::string, Labels>;
  std::map<Key, double> text;
  std::map<Key, double> open_metrics;
  const std::map<std::string, std::map<Key, double>*> formats{{"text/plain", &text},
                                                              {kOpenMetrics, &open_metrics}};
  for (const auto& [accept, samples] : formats) {
    const auto parsed = parse_exposition(get(accept).body);
    ASSERT_OK(parsed);
    for (const Sample& sample : parsed->all()) {
      const bool inserted =
          samples->emplace(Key{sample.name, sample.labels}, sample.number()).second;
      EXPECT_TRUE(inserted) << accept << ": two samples of " << sample.name << " with equal labels";
    }
  }
  for (const auto& [key, value] : text) {
    const auto same = open_metrics.find(key);
    ASSERT_NE(same, open_metrics.end()) << key.first << " is only in the text format";
    const bool of_a_vm = key.second.contains("vm");
    if (of_a_vm && !(std::isnan(value) && std::isnan(same->second))) {
      EXPECT_EQ(value, same->second) << key.first;
    }
  }
  EXPECT_EQ(text.size(), open_metrics.size()) << "OpenMetrics has samples that the text has not";
}

}  // namespace
}  // namespace kvmtsc::integration
