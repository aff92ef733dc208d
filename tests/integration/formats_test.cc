// The formats of /metrics, judged by Prometheus's own tools; on the simulated fleet, so that no KVM
// is needed.
#include <cmath>
#include <map>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/integration/eventually.h"
#include "tests/integration/exporter.h"
#include "tests/integration/format_judges.h"
#include "tests/integration/process.h"
#include "tests/integration/requirements.h"

namespace kvmtsc::integration {
namespace {

using testing::StartsWith;

constexpr Milliseconds kPatience{10000};
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

  fakes::HttpReply get(const std::string& accept) {
    const auto reply = exporter_->get("/metrics", {{"Accept", accept}});
    EXPECT_TRUE(reply.ok()) << reply.error().text();
    return reply.ok() ? *reply : fakes::HttpReply{};
  }

  std::unique_ptr<Exporter> exporter_;
};

TEST_F(FormatsTest, PromtoolHasNoComplaintAboutTheText) {
  REQUIRE_PROMETHEUS("promtool");
  ASSERT_NO_FATAL_FAILURE(start("100ms"));
  ASSERT_NO_FATAL_FAILURE(wait_for_skew());
  const fakes::HttpReply reply = get("text/plain");
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.header("Content-Type").value_or(""), StartsWith("text/plain; version=0.0.4"));
  EXPECT_EQ(promtool_complaints(reply.body), "");
}

TEST_F(FormatsTest, StrictParserReadsTheOpenMetrics) {
  REQUIRE_PRESENT(missing_openmetrics_parser());
  ASSERT_NO_FATAL_FAILURE(start("100ms"));
  ASSERT_NO_FATAL_FAILURE(wait_for_skew());
  const fakes::HttpReply reply = get(kOpenMetrics);
  EXPECT_THAT(reply.header("Content-Type").value_or(""), StartsWith(kOpenMetrics));
  const auto samples = parse_exposition(reply.body);
  ASSERT_OK(samples);
  const auto counted = count_openmetrics_samples(reply.body);
  ASSERT_OK(counted);
  EXPECT_EQ(*counted, samples->all().size());
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
