#include "exporter/metrics/exposition.h"

#include <cmath>
#include <cstdlib>
#include <limits>
#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "exporter/metrics/family.h"

namespace kvmtsc {
namespace {

std::string exposed(FamilyBuilder builder, ExpositionFormat format = ExpositionFormat::kText) {
  std::vector<prometheus::MetricFamily> families;
  builder.append_to(families);
  return expose(families, format);
}

TEST(Exposition, WritesAGauge) {
  auto family = gauge("a_seconds", "How long.");
  family.add({{"vm", "web"}, {"vcpu", "0"}}, -0.25);
  family.add({}, 3);
  EXPECT_EQ(exposed(family),
            "# HELP a_seconds How long.\n# TYPE a_seconds gauge\n"
            "a_seconds{vm=\"web\",vcpu=\"0\"} -0.25\na_seconds 3\n");
}

TEST(Exposition, EscapesLabelValuesAndHelp) {
  auto family = gauge("a", "Line\nwith \\ and \"quotes\".");
  family.add({{"vm", "q\" b\\ n\n \xC3\xA9"}}, 1);
  const auto text = exposed(family);
  EXPECT_NE(text.find("# HELP a Line\\nwith \\\\ and \"quotes\".\n"), std::string::npos) << text;
  EXPECT_NE(text.find("a{vm=\"q\\\" b\\\\ n\\n \xC3\xA9\"} 1\n"), std::string::npos) << text;
  const auto open_metrics = exposed(family, ExpositionFormat::kOpenMetrics);
  EXPECT_NE(open_metrics.find("and \\\"quotes\\\"."), std::string::npos) << open_metrics;
}

TEST(Exposition, NumbersReadBackAsTheSameDouble) {
  for (const double value : {0.1, 1.0 / 3, 9007199254740993.0, 5e-324, 1.7976931348623157e308,
                             -2.2250738585072014e-308, 123456789.123456789}) {
    auto family = gauge("a", "h");
    family.add({}, value);
    const auto text = exposed(family);
    const auto at = text.rfind("\na ") + 3;
    EXPECT_EQ(std::strtod(text.substr(at).c_str(), nullptr), value) << text;
  }
}

TEST(Exposition, SpellsWhatIsNotFinite) {
  auto family = gauge("a", "h");
  family.add({}, std::nan(""));
  family.add({}, std::numeric_limits<double>::infinity());
  family.add({}, -std::numeric_limits<double>::infinity());
  EXPECT_NE(exposed(family).find("a NaN\na +Inf\na -Inf\n"), std::string::npos);
}

TEST(Exposition, OpenMetricsNamesFamiliesWithoutTheirSuffix) {
  auto total = counter("steps_total", "Steps.");
  total.add({}, 2);
  auto info = gauge("vm_info", "VM.");
  info.add({{"vm", "a"}}, 1);
  std::vector<prometheus::MetricFamily> families;
  total.append_to(families);
  info.append_to(families);
  EXPECT_EQ(expose(families, ExpositionFormat::kOpenMetrics),
            "# HELP steps Steps.\n# TYPE steps counter\nsteps_total 2\n"
            "# HELP vm VM.\n# TYPE vm info\nvm_info{vm=\"a\"} 1\n# EOF\n");
  EXPECT_NE(expose(families, ExpositionFormat::kText).find("# TYPE vm_info gauge\n"),
            std::string::npos);
}

TEST(Exposition, WritesHistograms) {
  prometheus::MetricFamily family{"pause_seconds", "Pause.", prometheus::MetricType::Histogram, {}};
  prometheus::ClientMetric metric;
  metric.label = {{"vm", "a"}};
  metric.histogram.sample_count = 3;
  metric.histogram.sample_sum = 0.5;
  metric.histogram.bucket = {{1, 0.001}, {2, 1}, {3, std::numeric_limits<double>::infinity()}};
  family.metric.push_back(metric);
  EXPECT_EQ(expose(std::vector{family}, ExpositionFormat::kText),
            "# HELP pause_seconds Pause.\n# TYPE pause_seconds histogram\n"
            "pause_seconds_bucket{vm=\"a\",le=\"0.001\"} 1\n"
            "pause_seconds_bucket{vm=\"a\",le=\"1.0\"} 2\n"
            "pause_seconds_bucket{vm=\"a\",le=\"+Inf\"} 3\n"
            "pause_seconds_sum{vm=\"a\"} 0.5\npause_seconds_count{vm=\"a\"} 3\n");
}

TEST(Exposition, AFamilyWithoutSamplesIsLeftOut) {
  EXPECT_EQ(exposed(gauge("a", "h")), "");
  EXPECT_EQ(exposed(gauge("a", "h"), ExpositionFormat::kOpenMetrics), "# EOF\n");
}

TEST(Exposition, APartAndTheRestAreTheWhole) {
  std::vector<prometheus::MetricFamily> families;
  for (const char* const name : {"one", "other"}) {
    auto family = gauge(name, "h");
    family.add({}, 1);
    family.append_to(families);
  }
  const std::span all(families);
  for (const auto format : {ExpositionFormat::kText, ExpositionFormat::kOpenMetrics}) {
    EXPECT_EQ(expose_part(all.first(1), format) + expose(all.last(1), format),
              expose(families, format));
  }
}

}  // namespace
}  // namespace kvmtsc
